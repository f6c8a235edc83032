/** Bounds of the wait between two attempts to connect, in milliseconds. */
export interface BackoffLimits {
  minMs: number;
  maxMs: number;
}

/**
 * How long to wait before attempt `attempt + 1`, in milliseconds: exponential with full jitter, so that a
 * thousand clients who lost the same daemon do not come back in the same moment.
 * @param attempt Attempts that have failed since the last success, from 1.
 * @param random A number from 0 up to, not including, 1.
 */
export function backoff(attempt: number, { minMs, maxMs }: BackoffLimits, random: number): number {
  // Past 2^30 the doubling says nothing more, and would end in Infinity.
  const ceiling = Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(random * ceiling);
}
