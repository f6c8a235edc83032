import { describe, expect, test } from 'vitest';

import type { Message } from '../../src/client/api.ts';
import { MOST_RECENT } from '../../src/cli/on/recent-topics.ts';
import { Trigger } from '../../src/cli/on/trigger.ts';
import type { TriggerOptions } from '../../src/cli/on/trigger.ts';

const isHigh = ({ data }: Message): boolean => (data as number) > 4;

function trigger(options: Partial<TriggerOptions>): (data: unknown, rest?: Partial<Message>) => boolean {
  const made = new Trigger({ onFault: () => {}, ...options });
  let seq = 0;
  return (data, rest = {}) =>
    made.takes({ topic: 't', seq: ++seq, time: 0, data, missed: 0, instance: 'i', ...rest });
}

/** The indices of the values that run the command. */
function runs(takes: (data: unknown) => boolean, values: readonly unknown[]): number[] {
  return values.flatMap((value, index) => (takes(value) ? [index] : []));
}

describe('a trigger', () => {
  test('takes each message without conditions', () => {
    expect(runs(trigger({}), [1, 1, null])).toEqual([0, 1, 2]);
  });

  test('takes data that differs from that of the previous message, for each topic by itself', () => {
    const takes = trigger({ onChange: true });
    expect(runs(takes, [1, 1, '1', '1', { a: 1 }, { a: 1 }, 1])).toEqual([0, 2, 4, 6]);
    expect(takes(1, { topic: 'other' })).toBe(true);
    expect(takes(1)).toBe(false);
  });

  test('compares data with messages that do not match, too', () => {
    expect(runs(trigger({ onChange: true, where: isHigh }), [5, 5, 1, 5, 6])).toEqual([0, 3, 4]);
  });

  test('takes the third message in a row, once until the condition does not hold', () => {
    const values = [5, 5, 5, 5, 5, 5, 1, 5, 5, 1, 5, 5, 5];
    expect(runs(trigger({ where: isHigh, inARow: 3 }), values)).toEqual([2, 12]);
    expect(runs(trigger({ where: isHigh, inARow: 1 }), [5, 5, 1, 5])).toEqual([0, 3]);
  });

  test.each([
    ['a lost message', { missed: 1 }],
    ['a new numbering', { instance: 'other' }],
  ])('begins the row again after %s', (_, gap) => {
    const takes = trigger({ where: isHigh, inARow: 2 });
    expect([takes(5), takes(5, gap)]).toEqual([false, false]);
    expect(takes(5, { ...gap, missed: 0 })).toBe(true);
  });

  test('does not run the command again after a gap if the condition holds as before', () => {
    const takes = trigger({ where: isHigh, inARow: 2 });
    expect([takes(5), takes(5), takes(5, { missed: 3 }), takes(5)]).toEqual([false, true, false, false]);
  });

  test('takes no message for which the condition fails, and tells of it', () => {
    const faults: unknown[] = [];
    const where = (): boolean => {
      throw new Error('no such field');
    };
    const takes = trigger({ where, inARow: 1, onFault: ({ seq }, error) => faults.push([seq, error]) });
    expect(takes(5)).toBe(false);
    expect(faults).toEqual([[1, new Error('no such field')]]);
  });

  test(`forgets the topic that was heard longest ago beyond ${MOST_RECENT}`, () => {
    const takes = trigger({ onChange: true });
    for (let topic = 0; topic < MOST_RECENT; topic++) takes(1, { topic: `t${topic}` });
    expect(takes(1, { topic: 't0' })).toBe(false);
    expect(takes(1, { topic: 'one-more' })).toBe(true);
    expect(takes(1, { topic: 't0' })).toBe(false);
    expect(takes(1, { topic: 't1' })).toBe(true);
  });
});
