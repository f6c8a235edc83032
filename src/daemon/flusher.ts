import type { Outbox } from './outbox.ts';

/**
 * Writes what one turn of the event loop has put into the outboxes: one write for each client, and one
 * buffer for all clients that are to hear the same.
 */
export class Flusher {
  #outboxes: Outbox[] = [];

  /** Has the outbox flushed at the end of this turn. */
  add(outbox: Outbox): void {
    if (this.#outboxes.push(outbox) === 1) setImmediate(this.flush);
  }

  /** Flushes now what waits for the end of the turn. */
  readonly flush = (): void => {
    const outboxes = this.#outboxes;
    this.#outboxes = [];
    let lastFrames: Buffer[] = [];
    let joined: Buffer | undefined;
    for (const outbox of outboxes) {
      const frames = outbox.takeFrames();
      if (frames.length === 0) continue;
      if (frames.length === 1) {
        outbox.write(frames[0]!);
        continue;
      }
      if (!joined || !sameFrames(frames, lastFrames)) joined = Buffer.concat(frames);
      lastFrames = frames;
      outbox.write(joined);
    }
  };
}

/** The frames of a turn are made once, so that it is enough to compare references. */
function sameFrames(one: Buffer[], other: Buffer[]): boolean {
  return one.length === other.length && one.every((frame, index) => frame === other[index]);
}
