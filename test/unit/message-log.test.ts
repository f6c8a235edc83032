import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';

import { HistoryBudget } from '../../src/daemon/topics/history-budget.ts';
import { MessageLog } from '../../src/daemon/topics/message-log.ts';
import type { LoggedMessage } from '../../src/daemon/topics/message-log.ts';
import { FrameReader } from '../../src/transport/frames.ts';
import { decodeFrame } from '../helpers/decode-frame.ts';

const limits = { history: 3, historyBytes: 10_000, maxBytes: 100 };

/** The kept messages after a place, which is a number where these have no gaps. */
function after(messages: MessageLog, number = 0): LoggedMessage[] {
  const first = Math.max(number + 1, messages.oldest);
  return Array.from({ length: Math.max(messages.place + 1 - first, 0) }, (_, index) =>
    messages.at(first + index)!,
  );
}
const frames = (log: MessageLog, number?: number) =>
  after(log, number).map(({ frame }) => decodeFrame(frame));

let log: MessageLog;

beforeEach(() => {
  log = new MessageLog('news', limits);
});

test('a payload that JSON cannot carry is refused, also if the last one had a null in its place', () => {
  expect(log.encode({ a: null })).toBe('{"a":null}');
  expect(() => log.encode({ a: Infinity })).toThrow('Infinity at a');
});

test('a payload is looked at again once the limits have changed', () => {
  expect(log.encode('long enough')).toBe('"long enough"');
  log.configure({ ...limits, maxBytes: 5 });
  expect(() => log.encode('long enough')).toThrow('more than 5 bytes');
});

test('messages are numbered from 1, and the last ones are kept', () => {
  expect(log).toMatchObject({ seq: 0, last: undefined, lastJson: undefined });
  for (const word of ['a', 'b', 'c', 'd']) log.append(log.encode(word), 1);
  expect(log).toMatchObject({ seq: 4, lastJson: '"d"' });
  expect(decodeFrame(log.last!.frame)).toEqual({
    type: 'news',
    data: 'd',
    seq: 4,
    time: expect.closeTo(Date.now(), -4),
    offset: 1,
  });
  expect(frames(log).map(({ data }) => data)).toEqual(['b', 'c', 'd']);
  expect(frames(log, 3).map(({ data }) => data)).toEqual(['d']);
  expect(frames(log, 4)).toEqual([]);
});

test('the latest is kept even by a log of no size', () => {
  const small = new MessageLog('news', { ...limits, history: 0 });
  small.append('1', 1);
  small.append('2', 1);
  expect(frames(small)).toMatchObject([{ data: 2 }]);
});

describe('a payload', () => {
  test('may have so many bytes of JSON, and not one more', () => {
    expect(log.encode('é'.repeat(49))).toHaveLength(51);
    expect(() => log.encode(`x${'é'.repeat(49)}`)).toThrow(expect.objectContaining({ code: 'too-large' }));
  });

  test('may nest as many levels as a frame can carry, and not one more', () => {
    const roomy = new MessageLog('t', { ...limits, maxBytes: 10_000 });
    const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
    const { frame } = roomy.append(roomy.encode(nested(64)), 1);
    expect([...new FrameReader({ maxBytes: 10_000, maxValues: 10 ** 9 }).read(frame)]).toMatchObject([
      { type: 't', seq: 1 },
    ]);
    expect(() => roomy.encode(nested(65))).toThrow(expect.objectContaining({ code: 'too-large' }));
  });

  test.each([undefined, () => 1, Symbol('x')])('that JSON cannot carry is refused: %s', (payload) => {
    expect(() => log.encode(payload)).toThrow(expect.objectContaining({ code: 'source-failed' }));
  });

  test('that is refused takes no number', () => {
    expect(() => log.encode(undefined)).toThrow();
    expect(log.append(log.encode(null), 1).seq).toBe(1);
  });
});

describe('the history', () => {
  const payload = JSON.stringify('x'.repeat(1000));
  const roomy = { history: 1_000_000, historyBytes: 10_000, maxBytes: 1_000_000 };
  const fill = (messages: MessageLog, count: number): void => {
    for (let number = 0; number < count; number++) messages.append(payload, 1);
  };

  test('is bounded in bytes: the oldest messages are dropped', () => {
    const messages = new MessageLog('news', roomy);
    fill(messages, 100);
    const kept = after(messages);
    expect(kept.map(({ seq }) => seq)).toEqual([94, 95, 96, 97, 98, 99, 100]);
  });

  test('keeps the latest message even if that alone has more bytes', () => {
    const messages = new MessageLog('news', { ...roomy, historyBytes: 10 });
    fill(messages, 3);
    expect(after(messages).map(({ seq }) => seq)).toEqual([3]);
  });

  test('follows a change of its limits', () => {
    const messages = new MessageLog('news', roomy);
    fill(messages, 8);
    messages.configure({ ...roomy, historyBytes: 3000 });
    expect(after(messages).map(({ seq }) => seq)).toEqual([7, 8]);
  });

  test('gives each kept message by its number, and no other', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.integer({ min: 1, max: 50 }), (count, history) => {
        const messages = new MessageLog('news', { ...roomy, history, historyBytes: 1_000_000 });
        for (let number = 0; number < count; number++) messages.append('1', 1);
        const all = Array.from({ length: count + 2 }, (_, seq) => messages.at(seq)?.seq);
        const expected = all.map((_, seq) =>
          seq > count - history && seq > 0 && seq <= count ? seq : undefined,
        );
        expect(all).toEqual(expected);
        expect(messages.oldest).toBe(Math.max(count - history, 0) + 1);
      }),
    );
  });

  test('of 100,000 messages costs the same for each, also when it is full', () => {
    const messages = new MessageLog('news', { history: 100_000, historyBytes: 2 ** 30, maxBytes: 10 });
    for (let number = 0; number < 300_000; number++) messages.append('1', 1);
    let heard = 0;
    for (let number = 0; number < 100_000; number++)
      heard += messages.at(messages.seq - number)!.seq > 0 ? 1 : 0;
    expect(heard).toBe(100_000);
  });
});

describe('the histories of all topics', () => {
  const payload = JSON.stringify('x'.repeat(1000));
  const roomy = { history: 1_000_000, historyBytes: 1_000_000, maxBytes: 1_000_000 };

  test('are bounded together: the largest ones drop their oldest messages', () => {
    const budget = new HistoryBudget(() => 100_000);
    const small = new MessageLog('small', roomy, budget);
    for (let number = 0; number < 5; number++) small.append(payload, 1);
    const [one, other] = ['one', 'other'].map((name) => new MessageLog(name, roomy, budget)) as [
      MessageLog,
      MessageLog,
    ];
    for (let number = 0; number < 200; number++) {
      one.append(payload, 1);
      if (number % 2 === 0) other.append(payload, 1);
      expect(budget.bytes).toBeLessThanOrEqual(100_000);
    }
    expect(after(small)).toHaveLength(5);
    for (const large of [one, other]) expect(large.spareBytes).toBeGreaterThan(30_000);
  });

  test('follow a lower limit at the next message, though that takes no more than the one that goes for it', () => {
    let most = 10_000;
    const small = new MessageLog('news', limits, new HistoryBudget(() => most));
    for (let count = 0; count < 5; count++) small.append('1', 1);
    expect(after(small)).toHaveLength(3);
    most = 1;
    small.append('1', 1);
    expect(after(small)).toHaveLength(1);
  });

  test('keep the latest message of each topic, though these have more bytes than allowed', () => {
    const budget = new HistoryBudget(() => 10_000);
    const logs = Array.from({ length: 50 }, (_, index) => new MessageLog(`t${index}`, roomy, budget));
    for (let number = 0; number < 10; number++) for (const each of logs) each.append(payload, 1);
    for (const each of logs) expect(each.last).toMatchObject({ seq: 10 });
    const latest = logs.reduce((sum, { last }) => sum + last!.frame.length + 200, 0);
    expect(budget.bytes - latest, 'what is kept beyond them').toBeLessThan(5000);
  });

  test('give up what a removed topic kept', () => {
    const budget = new HistoryBudget(() => 100_000);
    const kept = new MessageLog('t', roomy, budget);
    for (let number = 0; number < 10; number++) kept.append(payload, 1);
    kept.close();
    expect(budget.bytes).toBe(0);
    expect(kept).toMatchObject({ seq: 10, last: undefined });
  });
});

describe('what is saved', () => {
  beforeEach(() => {
    for (const data of [{ a: 'é\f' }, null, [1.5]]) log.append(log.encode(data), 1);
  });

  test('comes back as it was, but for the number among all messages: the same number next', () => {
    const restored = new MessageLog('news', limits, undefined, log.save());
    expect(frames(restored)).toEqual(frames(log).map((frame) => ({ ...frame, offset: undefined })));
    expect(restored.lastJson).toBe('[1.5]');
    expect(restored.append('"next"', 1).seq).toBe(4);
  });

  test('is kept only as far as the log is large', () => {
    const restored = new MessageLog('news', { ...limits, history: 1 }, undefined, log.save());
    expect(frames(restored)).toMatchObject([{ seq: 3 }]);
  });

  test("is the numbering, also one that is not the daemon's, and each message says so", () => {
    const restored = new MessageLog('news', limits, undefined, { ...log.save(), instance: 'own' });
    restored.append('1', 9);
    expect(frames(restored).map(({ seq, instance }) => [seq, instance])).toContainEqual([4, 'own']);
    expect(restored.save()).toMatchObject({ seq: 4, instance: 'own' });
    expect(restored.save().messages.at(-1)!.json.toString()).toBe('1');
  });

  test('is the numbering, even before there is a message', () => {
    const restored = new MessageLog('news', limits, undefined, { seq: 41, messages: [] });
    expect(restored).toMatchObject({ seq: 41, last: undefined });
    expect(restored.append('1', 1).seq).toBe(42);
  });
});

describe('numbers of the origin', () => {
  const numbered = (seq: number, instance = 'origin') => ({ seq, time: 1000 + seq, instance });
  const add = (seq: number, instance?: string): void =>
    void log.appendNumbered(String(seq), numbered(seq, instance), 1);
  const kept = (): unknown[] => frames(log).map(({ seq }) => seq);

  test('may have gaps, which the places of messages do not have', () => {
    log = new MessageLog('news', { ...limits, history: 4 });
    for (const seq of [5, 6, 20, 21, 40, 2 ** 52]) add(seq);
    expect(log).toMatchObject({ seq: 2 ** 52, instance: 'origin', origin: true, place: 6, oldest: 3 });
    expect(kept()).toEqual([20, 21, 40, 2 ** 52]);
    expect(frames(log)[0]).toEqual({
      type: 'news',
      data: 20,
      seq: 20,
      time: 1020,
      offset: 1,
      instance: 'origin',
    });
    const places = [2 ** 52, 2 ** 52 - 1, 40, 39, 21, 20, 19, 18, 6, 0].map((seq) => log.placeOf(seq));
    // 19 is the number before the oldest: nothing is missed. At most the two that are gone are missed.
    expect(places).toEqual([6, 5, 5, 4, 4, 3, 2, 1, 0, 0]);
  });

  test('of another instance begin anew, and nothing of the former is kept', () => {
    add(5);
    add(3, 'second');
    expect(log).toMatchObject({ seq: 3, instance: 'second', place: 2, oldest: 2 });
    expect(kept()).toEqual([3]);
    expect(log.placeOf(0)).toBe(1);
  });

  test('that go on with the numbers of the daemon keep its messages', () => {
    log.append('1', 1);
    log.append('2', 1);
    log.appendNumbered('7', { ...numbered(7), instance: undefined }, 1);
    expect(kept()).toEqual([1, 2, 7]);
    expect([0, 1, 2, 6, 7].map((seq) => log.placeOf(seq))).toEqual([0, 1, 2, 2, 3]);
  });

  test('end with a message that the daemon numbers in a numbering of its own', () => {
    add(5);
    log.endOrigin();
    log.append('1', 1);
    expect(log).toMatchObject({ seq: 1, origin: false, instance: expect.stringMatching(/^[\da-f]{16}$/) });
    expect(kept()).toEqual([1]);
    log.append('2', 1);
    expect([0, 1, 2].map((seq) => log.placeOf(seq))).toEqual([1, 2, 3]);
  });

  test('are saved and restored', () => {
    for (const seq of [5, 9, 11]) add(seq);
    const restored = new MessageLog('news', limits, undefined, log.save());
    expect(frames(restored)).toEqual(frames(log).map((frame) => ({ ...frame, offset: undefined })));
    expect(restored.save()).toEqual(log.save());
    expect([4, 5, 8, 9, 11].map((seq) => restored.placeOf(seq))).toEqual([0, 1, 1, 2, 3]);
  });

  test('lead to the same place as a search through all messages', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(gaps, fc.nat(20), fc.nat(120), (steps, history, heard) => {
        log = new MessageLog('news', { ...limits, history });
        let seq = 0;
        for (const step of steps) add((seq += step));
        const known = frames(log).filter((frame) => frame.seq! <= heard).length;
        if (known > 0) expect(log.placeOf(heard)).toBe(log.oldest - 1 + known);
        else expect(log.placeOf(heard)).toBeLessThan(log.oldest);
        expect(log.placeOf(heard)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

test('a log moves with its bytes to another budget', () => {
  const [one, other] = [new HistoryBudget(() => 10_000), new HistoryBudget(() => 10_000)];
  log = new MessageLog('news', limits, one);
  log.append('1', 1);
  const { bytes } = one;
  log.configure(limits, other);
  expect([one.bytes, other.bytes]).toEqual([0, bytes]);
  log.close();
  expect(other.bytes).toBe(0);
});
