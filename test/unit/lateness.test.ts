import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { Lateness } from '../../src/daemon/schedule/lateness.ts';
import { LATENESS_BOUNDS_MS } from '../../src/protocol/lateness-bounds.ts';

function latenessOf(times: readonly number[]): Lateness {
  const lateness = new Lateness();
  for (const ms of times) lateness.record(ms);
  return lateness;
}

/** From a microsecond to half an hour, as many small ones as large ones. */
const times = fc.array(
  fc.double({ min: 0, max: 9, noNaN: true }).map((power) => 10 ** power / 1000),
  { minLength: 1 },
);

test('a percentile is no less than what it stands for, and a sixteenth more at most', () => {
  fc.assert(
    fc.property(times, fc.integer({ min: 1, max: 100 }), (ms, percent) => {
      const exact = ms.toSorted((one, other) => one - other)[Math.ceil((ms.length * percent) / 100) - 1]!;
      const told = latenessOf(ms).percentile(percent)!;
      expect(told).toBeGreaterThan(exact - 1e-9);
      expect(told).toBeLessThanOrEqual(exact * (17 / 16) + 0.001);
    }),
  );
});

test('the counts are those of the bounds, and can be added up', () => {
  fc.assert(
    fc.property(times, times, (one, other) => {
      const counts = LATENESS_BOUNDS_MS.map(
        (bound, index) =>
          [...one, ...other].filter((ms) => {
            const us = Math.floor(ms * 1000);
            return us < bound * 1000 && us >= (LATENESS_BOUNDS_MS[index - 1] ?? 0) * 1000;
          }).length,
      );
      const [left, right] = [latenessOf(one).counts, latenessOf(other).counts];
      const sum = left.map((count, index) => count + right[index]!);
      expect(sum.slice(0, -1)).toEqual(counts);
      expect(sum.reduce((total, count) => total + count)).toBe(one.length + other.length);
    }),
  );
});

test('nothing is late before the first tick, and what is early or late beyond measure is no mistake', () => {
  expect(new Lateness().percentile(99)).toBeNull();
  expect(latenessOf([-1, 0, 1e12]).counts.filter((count) => count > 0)).toEqual([2, 1]);
});
