import { setTimeout as wait } from 'node:timers/promises';

import type { Client } from '../../src/index.ts';

/** Payload and rate: ten times what a client reads that reads a tenth of the time. */
const PAYLOAD = 'x'.repeat(30_000);
const PAUSE_MS = 90;
const READ_MS = 10;

/**
 * Publishes to the topics a and b while the clients are frozen, and lets them read between these rounds.
 * @returns the number of the last message of each topic.
 */
export async function slowRounds(
  rounds: number,
  publisher: Client,
  clients: { freeze: () => Promise<void>; thaw: () => Promise<void> },
): Promise<number> {
  let last = 0;
  for (let round = 0; round < rounds; round++) {
    await clients.freeze();
    const until = performance.now() + PAUSE_MS;
    while (performance.now() < until) {
      last = (await publisher.publish('a', PAYLOAD)).seq;
      await publisher.publish('b', PAYLOAD);
    }
    await clients.thaw();
    await wait(READ_MS);
  }
  return last;
}
