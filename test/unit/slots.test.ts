import { describe, expect, test } from 'vitest';

import { Slots } from '../../src/sources/slots.ts';

const { signal } = new AbortController();

describe('slots', () => {
  test('are given in the order in which they were asked for', async () => {
    const slots = new Slots(2);
    const order: string[] = [];
    const take = async (name: string): Promise<void> => {
      await slots.take(signal);
      order.push(name);
    };
    const all = ['a', 'b', 'c', 'd'].map(take);
    await Promise.all(all.slice(0, 2));
    expect(order).toEqual(['a', 'b']);
    slots.give();
    slots.give();
    await Promise.all(all);
    expect(order).toEqual(['a', 'b', 'c', 'd']);
  });

  test('are not waited for once that has been aborted, and go to the next one', async () => {
    const slots = new Slots(1);
    await slots.take(signal);
    const aborted = new AbortController();
    const second = slots.take(aborted.signal);
    const third = slots.take(signal);
    const reason = new Error('no longer needed');
    aborted.abort(reason);
    await expect(second).rejects.toBe(reason);
    slots.give();
    await third;
    await expect(slots.take(aborted.signal)).rejects.toBe(reason);
    slots.give();
    await slots.take(signal);
  });
});
