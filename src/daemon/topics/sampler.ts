import type { ScheduleConfig } from '../../config/config.ts';
import { messageOf } from '../../errors.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import { Ticker } from '../schedule/ticker.ts';
import type { Tick } from '../schedule/timetable.ts';
import type { TopicCounters } from './topic-counters.ts';

/** Takes one sample; see `Source.sample`. */
export type Sample = (signal: AbortSignal) => unknown;

export interface SamplerListener {
  /** Encodes what was sampled. What it throws fails the sample. */
  encode(payload: unknown): string;
  /** A sample was taken and encoded. What it throws is no failure of the source. */
  payload(json: string): void;
  /** A sample failed: the first since the last that did not, or for another reason than the one before. */
  failing(message: string): void;
  /** A sample was taken after `failures` had failed. */
  recovered(failures: number): void;
}

/** What a sampler works with. */
export interface SamplerTools {
  scheduler: Scheduler;
  counters: TopicCounters;
}

/** Takes samples as long as it runs, one at each tick and never two at once. */
export class Sampler {
  readonly #sample: Sample;
  readonly #listener: SamplerListener;
  readonly #ticker: Ticker | undefined;
  readonly #counters: TopicCounters;
  /** Present while it runs; aborted when it stops. */
  #period: AbortController | undefined;
  #running: Promise<void> | undefined;
  /** It was told to rest, and does so once the sample under way has ended. */
  #isTired = false;
  /** A probe that is under way or waits. */
  #probe: AbortController | undefined;
  /** What is under way is a probe, and a sample was wanted meanwhile. */
  #isProbing = false;
  #wantedMeanwhile = false;
  /** When the last sample that counts was begun, on the monotonic clock. */
  sampledAt = -Infinity;
  /** The same of the last that did not fail. */
  goodAt = -Infinity;
  /** Failures since the last success, and when the first of them was, in milliseconds since the epoch. */
  failing = 0;
  failingSince = 0;
  lastError: string | undefined;

  constructor(
    sample: Sample,
    schedule: ScheduleConfig | undefined,
    listener: SamplerListener,
    { scheduler, counters }: SamplerTools,
  ) {
    this.#sample = sample;
    this.#listener = listener;
    this.#counters = counters;
    this.#ticker = schedule && new Ticker(scheduler, schedule, (tick) => this.#onTick(tick));
  }

  /** Goes on where another one was: when it took its last sample, and whether that failed. */
  continue({ sampledAt, goodAt, failing, failingSince, lastError }: Sampler): void {
    this.sampledAt = sampledAt;
    this.goodAt = goodAt;
    this.failing = failing;
    this.failingSince = failingSince;
    this.lastError = lastError;
  }

  /** The source has failed, and no sample of it. */
  fail(error: string): void {
    this.#fail(error, this.sampledAt);
  }

  /** There is no source, for this reason, which nobody is told of and nothing counts. */
  lack(reason: string): void {
    this.failing = 1;
    this.failingSince = Date.now();
    this.lastError = reason;
  }

  /** The source does not fail any more. @returns how often it had failed. */
  heal(): number {
    const failures = this.failing;
    this.failing = 0;
    this.lastError = undefined;
    return failures;
  }

  /** See `Ticker.nextAt`. */
  nextAt(now: number): number {
    return this.#ticker?.nextAt(now) ?? Infinity;
  }

  /** Reports whether a tick would have come since the last sample. */
  get isDue(): boolean {
    return this.#ticker?.hasCome(performance.now() - this.sampledAt) ?? false;
  }

  /** @param options.sampleNow Takes a sample at once, and not only at the first tick. */
  start({ sampleNow }: { sampleNow: boolean }): void {
    this.#isTired = false;
    this.#period ??= new AbortController();
    this.#ticker?.start(performance.now() - this.sampledAt);
    // A sample of an aborted period that has yet to end is followed by one of this period.
    if (sampleNow) this.#sampleSoon(this.#period.signal);
  }

  /** Takes no sample any more. The one that is under way is of use to whoever comes next. */
  rest(): void {
    this.#ticker?.stop();
    if (this.running && !this.#period?.signal.aborted) this.#isTired = true;
    else this.stop();
  }

  /** Takes no sample any more, and aborts the one that is under way. */
  stop(): void {
    this.#isTired = false;
    this.#ticker?.stop();
    this.#period?.abort();
    this.#period = undefined;
  }

  /** Stops, and ends what was asked for beside the schedule as well. */
  end(): void {
    this.stop();
    this.#probe?.abort();
  }

  /**
   * Takes one sample beside the schedule, once none is under way. A tick that comes meanwhile is made up for.
   * @returns what it encodes to. @throws what the source throws; at once if there is a probe already.
   */
  async probe(): Promise<string> {
    if (this.#probe)
      throw new Error('another requested sample of this topic is running; retry when it has finished');
    const probe = (this.#probe = new AbortController());
    try {
      while (this.#running) await this.#running;
      if (probe.signal.aborted) throw new Error('the topic has changed, or is gone');
      const { signal } = this.#period ?? probe; // What a source keeps for a period is kept.
      const take = async (): Promise<string> => this.#listener.encode(await this.#sample(signal));
      const probing = take();
      this.#isProbing = true;
      this.#running = this.#goOnAfter(probing);
      return await probing;
    } finally {
      probe.abort(); // Ends what the source has kept for it.
      this.#probe = undefined;
    }
  }

  async #goOnAfter(probing: Promise<unknown>): Promise<void> {
    await Promise.allSettled([probing]);
    const isWanted = this.#wantedMeanwhile;
    this.#running = undefined;
    this.#isProbing = this.#wantedMeanwhile = false;
    if (this.#period && isWanted) this.#takeSample(this.#period.signal);
  }

  /** True while a sample is under way that subscribers will get. */
  get running(): boolean {
    return this.#running !== undefined && !this.#isProbing;
  }

  /** True while any is. */
  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  /** Resolves when no sample is under way. */
  async settled(): Promise<void> {
    await this.#running;
  }

  #onTick(tick: Tick): void {
    this.#counters.ticked(tick, !this.running);
    if (!this.running && this.#period) this.#sampleSoon(this.#period.signal);
  }

  /** Takes a sample, behind a probe that is under way. */
  #sampleSoon(signal: AbortSignal): void {
    if (this.#isProbing) this.#wantedMeanwhile = true;
    else if (!this.#running) this.#takeSample(signal);
  }

  #takeSample(signal: AbortSignal): void {
    const at = performance.now();
    let json: string;
    try {
      const result = this.#sample(signal);
      if (result instanceof Promise) {
        this.#running = this.#finish(result, at, signal);
        return;
      }
      json = this.#listener.encode(result);
    } catch (error) {
      return this.#fail(error, at);
    }
    this.#succeed(json, at);
  }

  async #finish(result: Promise<unknown>, at: number, signal: AbortSignal): Promise<void> {
    let json: string | undefined;
    try {
      const payload = await result;
      if (!signal.aborted) json = this.#listener.encode(payload);
    } catch (error) {
      if (!signal.aborted) this.#fail(error, at);
    }
    this.#running = undefined;
    if (json !== undefined) this.#succeed(json, at);
    if (this.#isTired) return this.stop();
    if (signal.aborted && this.#period) this.#takeSample(this.#period.signal);
  }

  #succeed(json: string, at: number): void {
    this.sampledAt = this.goodAt = at;
    const failures = this.heal();
    if (failures > 0) this.#listener.recovered(failures);
    this.#listener.payload(json);
  }

  #fail(error: unknown, at: number): void {
    this.sampledAt = at;
    const before = this.lastError;
    this.#counters.failed();
    if (this.failing++ === 0) this.failingSince = Date.now();
    this.lastError = messageOf(error);
    if (this.lastError !== before) this.#listener.failing(this.lastError);
  }
}
