import { deepEqual, ok, partialDeepStrictEqual } from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';

import type { Data, Frame, RawPeer, Registered } from '../raw-peer.ts';

/** Time between two questions, in milliseconds. */
const ASK_MS = 20;

/** Fails unless an object has these fields with these values; it can have others. */
export function has(actual: unknown, fields: Data): void {
  partialDeepStrictEqual(actual as Data, fields);
}

/** Fails unless a value is a text that is not empty. */
export function isText(value: unknown, what: string): asserts value is string {
  ok(typeof value === 'string' && value !== '', `${what} is ${JSON.stringify(value)}, and no text`);
}

/** Fails unless a value is a whole number, 0 or more. */
export function isCount(value: unknown, what: string): asserts value is number {
  ok(
    Number.isSafeInteger(value) && (value as number) >= 0,
    `${what} is ${JSON.stringify(value)}, and no whole number`,
  );
}

/** Fails unless the daemon refuses a request, and nothing but that. */
export function refuses(rejection: unknown, code: string, fields: Data): void {
  has(rejection, { code, ...fields });
  isText((rejection as Data)['message'], 'message');
}

/** Fails unless the daemon ends the connection, and says before why. */
export async function ends(peer: RawPeer, code: string): Promise<void> {
  const rejection = await peer.control('rejected');
  has(rejection, { code });
  isText(rejection['message'], 'message');
  ok(!('request' in rejection), `the rejection has a request: ${JSON.stringify(rejection)}`);
  await peer.closed;
}

/** Names of the topics that an answer lists, sorted. */
export function namesOf({ topics }: Pick<Registered, 'topics'>): string[] {
  return topics.map(({ topic }) => topic).toSorted();
}

/** Fails unless these are the numbers of messages, in this order. */
export function hasSeqs(messages: readonly Frame[], ...seqs: number[]): void {
  deepEqual(
    messages.map(({ seq }) => seq),
    seqs,
  );
}

/** Fails if a client was sent anything about a topic. */
export function saysNothingOf(topic: string, frames: readonly Frame[]): void {
  const about = frames.filter(
    ({ type, data }) => type === topic || (data as Data | null)?.['topic'] === topic,
  );
  deepEqual(about, []);
}

/** Waits for something that the daemon does not tell, and asks again and again. */
export async function until(isReached: () => Promise<boolean>): Promise<void> {
  while (!(await isReached())) await wait(ASK_MS);
}
