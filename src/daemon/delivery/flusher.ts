import type { Mailing } from '../../transport/mailing.ts';
import { Batch } from './batch.ts';
import type { Outbox } from './outbox.ts';

/** Sends what one turn of the event loop has put into the outboxes: one write for each client. */
export class Flusher {
  readonly #mailing: Mailing;
  #outboxes: Outbox[] = [];
  #empty = Batch.empty();

  constructor(mailing: Mailing) {
    this.#mailing = mailing;
  }

  /** Has the outbox flushed at the end of this turn. Returns what its batch begins with. */
  add(outbox: Outbox): Batch {
    if (this.#outboxes.push(outbox) === 1) setImmediate(this.flush);
    return this.#empty;
  }

  /** Flushes now what waits for the end of the turn. What fails for one client costs that client, and no other. */
  readonly flush = (): void => {
    if (this.#outboxes.length === 0) return;
    const outboxes = this.#outboxes;
    this.#outboxes = [];
    this.#empty = Batch.empty(); // It leads to all batches of this turn.
    for (const outbox of outboxes) attempt(outbox, outbox.flush);
    this.#mailing.send();
    settle(outboxes);
    for (const outbox of outboxes) attempt(outbox, outbox.flushed);
  };
}

function attempt(outbox: Outbox, method: () => void): void {
  try {
    method.call(outbox);
  } catch (error) {
    outbox.failed(error);
  }
}

/**
 * Bytes that several clients wait for are in memory once: each is charged an equal part of them. Those that nobody waits
 * for are freed.
 */
function settle(outboxes: readonly Outbox[]): void {
  const waiting = new Map<Batch, Outbox[]>();
  for (const outbox of outboxes) {
    const { posted, isStuck } = outbox;
    if (!posted) continue;
    let sharing = waiting.get(posted);
    if (!sharing) waiting.set(posted, (sharing = []));
    if (isStuck) sharing.push(outbox);
  }
  for (const [batch, sharing] of waiting) {
    batch.wait(sharing.length);
    for (const outbox of sharing) outbox.keep(batch, batch.byteLength / sharing.length);
  }
}
