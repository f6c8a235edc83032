/** Numbers up to here leave room for a thousand messages a second during 140,000 years. */
export const HIGHEST_SEQ = 2 ** 52;
/** The latest time that a `Date` can hold, in milliseconds since the epoch. */
export const LATEST_TIME = 8.64e15;

/** Reports whether a value can be the id of a numbering. */
export function isInstance(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{1,100}$/.test(value);
}
