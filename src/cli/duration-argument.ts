import { InvalidArgumentError } from 'commander';

import { formats, parseDuration } from '../config/formats.ts';

/**
 * Reads what an option says as a duration.
 * @returns milliseconds.
 * @throws {InvalidArgumentError} unless it is one, such as 10s.
 */
export function durationArgument(text: string): number {
  const { check, expected } = formats.duration;
  if (!check(text)) throw new InvalidArgumentError(`It must be ${expected}.`);
  return parseDuration(text);
}
