import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';

import { free } from '../../src/transport/free.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

test('memory is given back at once, but only so much in one turn', async () => {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now++); // Each takes a millisecond.
  const buffers = Array.from({ length: 9 }, () => Buffer.allocUnsafeSlow(100));
  const freed = (): number => buffers.filter(({ length }) => length === 0).length;
  for (const buffer of buffers) free(buffer);
  const each = [freed()];
  while (freed() < buffers.length) {
    await nextTurn();
    each.push(freed());
  }
  expect(each).toEqual([2, 4, 6, 8, 9]);
});

test('a buffer that is a part of another stays', () => {
  const whole = Buffer.allocUnsafeSlow(100);
  free(whole.subarray(0, 50));
  expect(whole).toHaveLength(100);
});
