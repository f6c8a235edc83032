/** A log that keeps more than its latest message. */
export interface Shrinkable {
  /** Bytes beyond the latest message. */
  readonly spareBytes: number;
  /** Lets go of the oldest messages until at most `bytes` are spare. */
  shrink(bytes: number): void;
}

/** Bounds the bytes that the histories of all topics keep together. */
export class HistoryBudget {
  readonly #limit: () => number;
  readonly #logs = new Set<Shrinkable>();
  #bytes = 0;
  /** Latest messages alone may be over the limit: then nothing is looked at until this much is kept. */
  #nextLook = 0;

  /** @param limit Bytes, asked for at each message, so that a reload changes it. */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** Bytes that all logs keep. */
  get bytes(): number {
    return this.#bytes;
  }

  add(log: Shrinkable): void {
    this.#logs.add(log);
  }

  remove(log: Shrinkable): void {
    this.#logs.delete(log);
  }

  change(bytes: number): void {
    this.#bytes += bytes;
    if (bytes < 0) this.#nextLook = Math.min(this.#nextLook, this.#bytes + this.#limit() / 8);
  }

  /** Bytes of all logs beyond their latest messages. */
  get spareBytes(): number {
    let bytes = 0;
    for (const log of this.#logs) bytes += log.spareBytes;
    return bytes;
  }

  /**
   * Has the logs with the most spare bytes let go of their oldest messages, once all are over the limit. It
   * frees an eighth of the limit, so that looking at every log pays for many messages. Latest messages stay.
   */
  enforce(): void {
    const limit = this.#limit();
    if (this.#bytes <= Math.max(limit, this.#nextLook)) return;
    this.free();
    this.#nextLook = this.#bytes + limit / 8;
  }

  /** The same, whatever is kept. */
  free(): void {
    const limit = this.#limit();
    const logs = [...this.#logs].filter(({ spareBytes }) => spareBytes > 0);
    const level = levelFor(
      logs.map(({ spareBytes }) => spareBytes),
      this.#bytes - (limit - limit / 8),
    );
    for (const log of logs) if (log.spareBytes > level) log.shrink(level);
  }
}

/** The level to which the largest sizes must sink so that `surplus` is freed in all; 0 if it cannot be. */
function levelFor(sizes: number[], surplus: number): number {
  const sorted = sizes.toSorted((one, other) => other - one);
  let above = 0;
  for (const [index, size] of sorted.entries()) {
    above += size;
    const level = (above - surplus) / (index + 1);
    if (level >= (sorted[index + 1] ?? 0)) return Math.max(level, 0);
  }
  return 0;
}
