import { InvalidArgumentError } from 'commander';

/**
 * Reads what an option says as a number.
 * @throws {InvalidArgumentError} unless it is 1, 2, 3 …
 */
export function wholeNumber(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a whole number, 1 or more.');
  return Number(text);
}
