import { LATENESS_BOUNDS_MS } from '../../protocol/lateness-bounds.ts';

/** Places of each octave: a bucket is a sixteenth of its octave wide, so that a figure is off by 6 % at most. */
const STEPS = 16;
const STEP_BITS = 4;
/** The latest that is told apart, in microseconds: some 35 minutes. */
const MOST_US = 2 ** 31 - 1;

/**
 * How late ticks came. The buckets are the same everywhere and for ever, so that those of several topics, or daemons, can
 * be added up. There are as many as are needed: most topics are never late by more than a few milliseconds.
 */
export class Lateness {
  /** Ticks in each bucket. */
  readonly #ticks: number[] = [];
  count = 0;
  sumMs = 0;

  record(lateMs: number): void {
    const bucket = bucketOf(lateMs * 1000);
    while (this.#ticks.length <= bucket) this.#ticks.push(0);
    this.#ticks[bucket]!++;
    this.count++;
    this.sumMs += lateMs;
  }

  /** What so many of a hundred ticks were not later than, in milliseconds; null before the first tick. */
  percentile(percent: number): number | null {
    let left = Math.ceil((this.count * percent) / 100);
    const bucket = this.#ticks.findIndex((ticks) => (left -= ticks) <= 0);
    return this.count === 0 ? null : boundOf(bucket) / 1000;
  }

  /** How many ticks came before each of `LATENESS_BOUNDS_MS`, and not before the one before it; the last are all others. */
  get counts(): number[] {
    const counts = [...LATENESS_BOUNDS_MS, Infinity].map(() => 0);
    let at = 0;
    for (const [bucket, ticks] of this.#ticks.entries()) {
      while (boundOf(bucket) > (LATENESS_BOUNDS_MS[at] ?? Infinity) * 1000) at++;
      counts[at]! += ticks;
    }
    return counts;
  }
}

function bucketOf(us: number): number {
  const whole = us < MOST_US ? Math.max(us | 0, 0) : MOST_US;
  if (whole < STEPS) return whole;
  const shift = 31 - Math.clz32(whole) - STEP_BITS;
  return (shift + 1) * STEPS + (whole >> shift) - STEPS;
}

/** Where a bucket ends, in microseconds. */
function boundOf(bucket: number): number {
  if (bucket < STEPS) return bucket + 1;
  const shift = Math.floor(bucket / STEPS) - 1;
  return (STEPS + (bucket % STEPS) + 1) * 2 ** shift;
}
