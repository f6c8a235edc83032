import type { StreamSource, StreamStart } from '../../sources/source.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import type { Driver, DriverTools } from './driver.ts';
import type { SourceHealth } from './source-health.ts';
import { Throttle } from './throttle.ts';

/** How long a stream that has ended waits before it is run again, at first and at most, in milliseconds. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
/** A stream that has run for this long works, even if it has brought nothing, in milliseconds. */
const STEADY_MS = 10_000;
/** A stream that has ended for less than this goes on where it was, in milliseconds. */
const FORGET_MS = 60_000;

export interface StreamListener {
  /** Takes what the stream brings. What it throws is a failure of the stream. */
  payload(payload: unknown): void;
  /** The latest payload as JSON, if there is one. */
  latest(): string | undefined;
}

/** Runs a stream as long as its topic is awake, and again, later and later, when it ends by itself. */
export class StreamRunner implements Driver {
  readonly isDue = false;
  readonly running = false;
  readonly #name: string;
  readonly #stream: StreamSource;
  readonly #listener: StreamListener;
  readonly #health: SourceHealth;
  readonly #throttle: Throttle | undefined;
  readonly #scheduler: Scheduler;
  readonly #before: Promise<unknown> | undefined;
  /** Present while it is wanted. */
  #period: AbortController | undefined;
  #following: Promise<void> | undefined;

  /**
   * @param everyMs Sends the newest payload of each so many milliseconds. @default sends all
   * @param before What has to end before the stream runs.
   */
  constructor(
    name: string,
    stream: StreamSource,
    everyMs: number | undefined,
    listener: StreamListener,
    { scheduler, counters, health }: DriverTools,
    before?: Promise<unknown>,
  ) {
    this.#before = before;
    this.#name = name;
    this.#stream = stream;
    this.#listener = listener;
    this.#health = health;
    this.#scheduler = scheduler;
    if (everyMs !== undefined)
      this.#throttle = new Throttle(scheduler, everyMs, (payload) => this.#take(payload), counters);
  }

  get isBusy(): boolean {
    return this.#following !== undefined;
  }

  nextAt(): number {
    return Infinity;
  }

  start(): void {
    if (this.#period) return;
    const { signal } = (this.#period = new AbortController());
    const following = this.#follow(signal, Date.now(), this.#following).finally(() => {
      if (this.#following === following) this.#following = undefined;
    });
    this.#following = following;
  }

  rest(): void {
    if (!this.#period) return;
    this.#health.sampledAt = performance.now();
    this.#throttle?.stop();
    this.#period.abort();
    this.#period = undefined;
  }

  end(): void {
    this.rest();
  }

  async settled(): Promise<void> {
    await this.#following;
  }

  async probe(): Promise<string> {
    throw new Error(`${this.#name} cannot be sampled: its source sends by itself`);
  }

  async #follow(signal: AbortSignal, wokenAt: number, before: Promise<void> | undefined): Promise<void> {
    await Promise.allSettled([this.#before, before]);
    let start = this.#startAt(wokenAt);
    let hasSent = false;
    let waitMs = FIRST_WAIT_MS;
    let steady: NodeJS.Timeout | undefined;
    const sink = {
      send: (payload: unknown) => {
        if (signal.aborted) return;
        hasSent = true;
        if (this.#throttle) this.#throttle.push(payload);
        else this.#take(payload);
      },
      together: (work: () => void) => this.#scheduler.together(work),
      fail: (error: string) => {
        clearTimeout(steady);
        if (!signal.aborted) this.#health.fail(error);
      },
      recover: () => {
        if (!signal.aborted) this.#health.recover();
      },
    };
    while (!signal.aborted) {
      const begun = performance.now();
      steady = setTimeout(sink.recover, STEADY_MS);
      let why: unknown = new Error('the stream has ended');
      try {
        await this.#stream.run(signal, sink, start);
      } catch (error) {
        why = error;
      } finally {
        clearTimeout(steady);
      }
      if (signal.aborted) return;
      this.#health.fail(why);
      if (performance.now() - begun >= STEADY_MS) waitMs = FIRST_WAIT_MS;
      await pause(waitMs, signal);
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
      start = { ...start, goesOn: true };
      if (hasSent) start.latest = this.#listener.latest();
    }
  }

  #startAt(wokenAt: number): StreamStart {
    const sleptMs = performance.now() - this.#health.sampledAt;
    if (sleptMs >= FORGET_MS) return { goesOn: false, since: wokenAt };
    return { goesOn: true, since: Date.now() - sleptMs, latest: this.#listener.latest() };
  }

  #take(payload: unknown): void {
    try {
      this.#listener.payload(payload);
    } catch (error) {
      this.#health.fail(error);
    }
  }
}

/** Waits, or until it need not. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
