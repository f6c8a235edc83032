/** Over once nothing has happened for so long, in milliseconds. */
const QUIET_MS = 200;
/** Over after so long in any case, in milliseconds. */
const LONGEST_MS = 5000;

/** Waits for the moment when no more clients come: a program that cannot start tells them why, and ends soon. */
export class Lull {
  /** Resolves when it is there. */
  readonly come: Promise<void>;
  /** Has it come now. */
  readonly end: () => void;
  readonly #quiet: NodeJS.Timeout;

  /** @param signal Has it come now. */
  constructor(signal: AbortSignal) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.end = resolve;
    this.#quiet = setTimeout(resolve, QUIET_MS);
    const longest = setTimeout(resolve, LONGEST_MS);
    signal.addEventListener('abort', () => resolve(), { once: true });
    this.come = promise.finally(() => {
      clearTimeout(this.#quiet);
      clearTimeout(longest);
    });
  }

  /** Something has happened: it waits again. */
  disturb(): void {
    this.#quiet.refresh();
  }
}
