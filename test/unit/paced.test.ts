import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { paced } from '../../src/sources/paced.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const bytes = Buffer.from('x');

test('a reader that has worked for a millisecond rests for four times as long', () => {
  const goOn = vi.fn<() => void>();
  const read = paced(() => vi.advanceTimersByTime(1), goOn);
  expect(read(bytes), 'it may not go on').toBe(false);
  vi.advanceTimersByTime(3);
  expect(goOn).not.toHaveBeenCalled();
  vi.advanceTimersByTime(2);
  expect(goOn).toHaveBeenCalledOnce();
});

test('a reader that was held up rests for no longer than 20 ms', () => {
  const goOn = vi.fn<() => void>();
  const read = paced(() => vi.advanceTimersByTime(1000), goOn);
  expect(read(bytes)).toBe(false);
  vi.advanceTimersByTime(20);
  expect(goOn).toHaveBeenCalledOnce();
});

test('a reader that reads without end rests, however little there is to do', () => {
  const read = paced(() => {}, vi.fn<() => void>());
  let reads = 1;
  while (read(bytes)) reads++;
  expect(reads).toBeLessThanOrEqual(100);
});
