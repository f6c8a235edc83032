import type { Mailing } from '../transport/mailing.ts';
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

  /** Flushes now what waits for the end of the turn. */
  readonly flush = (): void => {
    const outboxes = this.#outboxes;
    this.#outboxes = [];
    this.#empty = Batch.empty(); // It leads to all batches of this turn.
    for (const outbox of outboxes) outbox.flush();
    this.#mailing.send();
    for (const outbox of outboxes) outbox.flushed();
  };
}
