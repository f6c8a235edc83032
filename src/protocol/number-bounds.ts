/** Numbers up to here leave room for a thousand messages a second during 140,000 years. */
export const HIGHEST_SEQ = 2 ** 52;
/** The latest time that a `Date` can hold, in milliseconds since the epoch. */
const LATEST_TIME = 8.64e15;

/** Reports whether a value can be the id of a numbering. */
export function isInstance(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{1,100}$/.test(value);
}

/** Reports whether a value is a whole number, 0 or more. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Reports whether a value can be the number of a message that has come: any that is exact, since a daemon is not ours to limit. */
export function isReceivedSeq(value: unknown): value is number {
  return isCount(value) && value >= 1;
}

/** Reports whether a value can be the number of a message that a provider sends. */
export function isSeq(value: unknown): value is number {
  return isReceivedSeq(value) && value <= HIGHEST_SEQ;
}

/** Reports whether a value can be the time of a message. */
export function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && Math.abs(value as number) <= LATEST_TIME;
}
