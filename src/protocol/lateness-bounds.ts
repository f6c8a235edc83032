/** Upper bounds of the buckets in `LatenessStatus`, in milliseconds: powers of two of a microsecond. */
export const LATENESS_BOUNDS_MS: readonly number[] = Array.from(
  { length: 12 },
  (_, octave) => 0.512 * 2 ** octave,
);
