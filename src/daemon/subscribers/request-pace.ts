import { clipped } from '../../text.ts';
import { Rate } from '../../rate.ts';

export interface PaceListener {
  /** Another request may be done. */
  goOn(): void;
  /** It is told once that it is slowed down, and by which limit. @param request Type of its latest request. */
  tooFast(limit: string, request: string): void;
}

/** How long one who asks too fast is not read from, in milliseconds. */
const SLOW_DOWN_MS = 100;

/** Slows down a client that asks too fast, or whose user sends too much. */
export class RequestPace {
  readonly #rate: Rate;
  readonly #listener: PaceListener;
  #timer: NodeJS.Timeout | undefined;
  #isParked = false;
  #isTold = false;
  /** Type of the latest request. */
  #latest = '';

  constructor(requestsPerSecond: number, listener: PaceListener) {
    this.#rate = new Rate(requestsPerSecond, 1);
    this.#listener = listener;
  }

  /** A request is done now. */
  count(type: string): void {
    this.#rate.spend(1);
    this.#latest = clipped(type);
  }

  /** True while no request may be done, however many more would be allowed. */
  get isHeld(): boolean {
    return this.#timer !== undefined || this.#isParked;
  }

  /** Reports whether another request may be done now. If not, `goOn` is called when it may. */
  allows(): boolean {
    if (this.isHeld) return false;
    if (this.#rate.left >= 1) return true;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#listener.goOn();
    }, SLOW_DOWN_MS);
    this.#tell(`more than ${this.#rate.perSecond} requests per second (clients.requestsPerSecond)`);
    return false;
  }

  /** The user has sent more than so many bytes in a second: nothing is done until `unpark`. */
  park(bytesPerSecond: number): void {
    this.#isParked = true;
    if (this.#latest !== '')
      this.#tell(`more than ${bytesPerSecond} bytes per second from this user (clients.bytesPerSecond)`);
  }

  unpark(): void {
    this.#isParked = false;
  }

  /** What has come is done without regard to how fast it came: the client is gone. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tell(limit: string): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#listener.tooFast(limit, this.#latest);
  }
}
