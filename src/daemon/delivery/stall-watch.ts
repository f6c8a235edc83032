import type { Connection } from '../../transport/connection.ts';

/** Notices when a client takes nothing of what waits for it. */
export class StallWatch {
  readonly #connection: Connection;
  readonly #timeoutMs: number;
  readonly #onStall: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param onStall Called when nothing was taken for `timeoutMs`. */
  constructor(connection: Connection, timeoutMs: number, onStall: () => void) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    this.#onStall = onStall;
  }

  /** Something waits: watches until nothing does. */
  watch(): void {
    if (this.#timer) return;
    const before = this.#connection.takenBytes;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#connection.pendingBytes === 0 || this.#connection.ended) return;
      if (this.#connection.takenBytes === before) this.#onStall();
      else this.watch();
    }, this.#timeoutMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
