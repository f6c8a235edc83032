import { deepStrictEqual } from 'node:assert/strict';

import type { Reported } from './adapter.ts';

/** @throws if these are not the numbers of the messages and how many were missed before each: `[[seq, missed]…]`. */
export function expectNumbers(
  messages: readonly Reported[],
  expected: readonly [seq: number, missed: number][],
): void {
  deepStrictEqual(
    messages.map(({ seq, missed }) => [seq, missed]),
    expected,
    'the numbers of the messages, and how many were missed before each',
  );
}

/** @throws if the payloads are not these. */
export function expectData(messages: readonly Reported[], expected: readonly unknown[]): void {
  deepStrictEqual(
    messages.map(({ data }) => data),
    expected,
    'the payloads',
  );
}
