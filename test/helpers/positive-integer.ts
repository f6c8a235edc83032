import { InvalidArgumentError } from 'commander';

/**
 * What an option says, as a number.
 * @throws {InvalidArgumentError} unless it is 1, 2, 3 …
 */
export function positiveInteger(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It takes a whole number from 1 on.');
  return Number(text);
}
