import type { Connection } from '../../transport/connection.ts';

/** Notices when a client takes nothing of what waits for it. */
export class StallWatch {
  readonly #connection: Connection;
  readonly #timeoutMs: number;
  readonly #onStall: () => void;
  readonly #onProgress: () => void;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param onStall Called when nothing was taken for `timeoutMs`.
   * @param onProgress Called when something was.
   */
  constructor(connection: Connection, timeoutMs: number, onStall: () => void, onProgress: () => void) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    this.#onStall = onStall;
    this.#onProgress = onProgress;
  }

  /** Something waits: watches until nothing does. */
  watch(): void {
    if (this.#timer) return;
    const before = this.#connection.takenBytes;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#connection.ended) return;
      const isWaiting = this.#connection.pendingBytes > 0;
      if (isWaiting && this.#connection.takenBytes === before) return this.#onStall();
      this.#onProgress();
      if (isWaiting) this.watch();
    }, this.#timeoutMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
