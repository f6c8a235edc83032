import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { backoff } from '../../src/client/backoff.ts';

const limits = fc.record({
  minMs: fc.integer({ min: 1, max: 1000 }),
  maxMs: fc.integer({ min: 1000, max: 60_000 }),
});
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('a wait is never negative, and never longer than the longest', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), limits, chance, (attempt, bounds, random) => {
      const wait = backoff(attempt, bounds, random);
      expect(wait).toBeGreaterThanOrEqual(0);
      expect(wait).toBeLessThanOrEqual(bounds.maxMs);
    }),
  );
});

test('the longest wait doubles with each failure until it is the longest of all', () => {
  const longest = (attempt: number): number => backoff(attempt, { minMs: 100, maxMs: 5000 }, 0.999_999);
  expect([1, 2, 3, 4, 5, 6, 7, 8, 1000].map(longest)).toEqual([
    100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000,
  ]);
});

test('the jitter is full: a wait is any time from none to the longest', () => {
  const wait = (random: number): number => backoff(3, { minMs: 100, maxMs: 5000 }, random);
  expect([0, 0.25, 0.5, 0.75].map(wait)).toEqual([0, 100, 200, 300]);
});
