/** After how much work of its own a reader rests, in milliseconds. */
const WORK_MS = 1;
/** What it takes to read at all, in milliseconds. */
const READ_MS = 0.01;
/** How much longer than a reader has worked no other one wakes: together they take a fifth of the event loop's time. */
const REST_TIMES = 4;
/** The most of that, in milliseconds: most of what took long was waiting for the CPU. */
const REST_MS = 20;

/**
 * Takes bytes, which are overwritten once it has returned.
 * @param mayGoOn Reports whether there is time left for more. A reader that has much to do with few bytes asks it.
 * @returns the bytes that it has not taken, if it stopped there: it is given them again.
 */
export type Reader = (bytes: Buffer, mayGoOn: () => boolean) => Buffer | undefined | void;

const nobody: Reader = () => {};

/** When the last of the readers that rest wakes, on the monotonic clock. */
let lastWakesAt = -Infinity;

/**
 * Leaves time for the rest of the event loop, should there be no end of what is read. All readers of this process share
 * that time: they wake one after the other, so that many of them neither take more of it nor work in one go.
 */
export class Paced {
  #reader: Reader;
  readonly #goOn: () => void;
  #worked = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param goOn Called when reading may go on, once `read` has returned false. */
  constructor(reader: Reader, goOn: () => void) {
    this.#reader = reader;
    this.#goOn = goOn;
  }

  get isResting(): boolean {
    return this.#timer !== undefined;
  }

  /** Has the reader take bytes. @returns whether reading may go on. */
  readonly read = (bytes: Buffer): boolean => {
    const begun = performance.now();
    const until = begun + WORK_MS - this.#worked;
    const rest = this.#reader(bytes, () => performance.now() < until);
    this.#worked += READ_MS + performance.now() - begun;
    if (this.#worked < WORK_MS && !rest) return true;
    this.#rest(rest && Buffer.from(rest));
    return false;
  };

  /**
   * Takes nothing more, not even what is left of the last bytes, and lets go of the reader: V8 keeps a closed socket, and
   * all that it leads to, until it searches the whole heap, which can be an hour.
   */
  readonly stop = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#reader = nobody;
  };

  #rest(left: Buffer | undefined | void): void {
    const now = performance.now();
    lastWakesAt = Math.max(lastWakesAt, now) + Math.min(this.#worked * REST_TIMES, REST_MS);
    this.#worked = 0;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!left || this.read(left)) this.#goOn();
    }, lastWakesAt - now);
  }
}
