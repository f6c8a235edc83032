import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Rate } from '../../src/rate.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const takes = (rate: Rate, times: number): boolean[] => Array.from({ length: times }, () => rate.take());

test('after a rest, as many may happen at once as come together in the burst', () => {
  expect(takes(new Rate(2, 3), 7)).toEqual([true, true, true, true, true, true, false]);
});

test('then as many as come', () => {
  const rate = new Rate(2, 1);
  takes(rate, 2);
  expect(rate.take()).toBe(false);
  vi.advanceTimersByTime(499);
  expect(rate.take()).toBe(false);
  vi.advanceTimersByTime(1);
  expect(takes(rate, 2)).toEqual([true, false]);
});

test('a long rest saves no more than a short one', () => {
  const rate = new Rate(2, 1);
  takes(rate, 2);
  vi.advanceTimersByTime(3_600_000);
  expect(takes(rate, 3)).toEqual([true, true, false]);
});
