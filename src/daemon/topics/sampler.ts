import type { ScheduleConfig } from '../../config/config.ts';
import type { Source } from '../../sources/source.ts';
import { Ticker } from '../schedule/ticker.ts';
import type { Tick } from '../schedule/timetable.ts';
import type { Driver, DriverTools } from './driver.ts';
import type { SourceHealth } from './source-health.ts';
import type { TopicCounters } from './topic-counters.ts';

export interface SamplerListener {
  /** Encodes what was sampled. What it throws fails the sample. */
  encode(payload: unknown): string;
  /** A sample was taken and encoded. What it throws is no failure of the source. */
  payload(json: string): void;
}

/** Takes samples as long as it runs, one at each tick and never two at once. */
export class Sampler implements Driver {
  readonly #source: Source;
  readonly #listener: SamplerListener;
  readonly #ticker: Ticker | undefined;
  readonly #counters: TopicCounters;
  readonly #health: SourceHealth;
  /** Present while it runs; aborted when it stops. */
  #period: AbortController | undefined;
  /** That of the period: its controller would look who asks, at each tick. */
  #signal: AbortSignal | undefined;
  #running: Promise<void> | undefined;
  /** It was told to rest, and does so once the sample under way has ended. */
  #isTired = false;
  /** A probe that is under way or waits. */
  #probe: AbortController | undefined;
  /** What is under way is a probe, and a sample was wanted meanwhile. */
  #isProbing = false;
  #wantedMeanwhile = false;

  constructor(
    source: Source,
    schedule: ScheduleConfig | undefined,
    listener: SamplerListener,
    { scheduler, counters, health }: DriverTools,
  ) {
    this.#source = source;
    this.#listener = listener;
    this.#counters = counters;
    this.#health = health;
    this.#ticker = schedule && new Ticker(scheduler, schedule, (tick) => this.#onTick(tick));
  }

  /** See `Ticker.nextAt`. */
  nextAt(now: number): number {
    return this.#ticker?.nextAt(now) ?? Infinity;
  }

  /** Reports whether a tick would have come since the last sample, or what is sampled can have changed unseen. */
  get isDue(): boolean {
    if (this.#source.watch) return true;
    return this.#ticker?.hasCome(performance.now() - this.#health.sampledAt) ?? false;
  }

  /** @param options.sampleNow Takes a sample at once, and not only at the first tick. */
  start({ sampleNow }: { sampleNow: boolean }): void {
    this.#isTired = false;
    const signal = this.#signal ?? this.#begin();
    this.#ticker?.start(performance.now() - this.#health.sampledAt);
    // A sample of an aborted period that has yet to end is followed by one of this period.
    if (sampleNow) this.#sampleSoon(signal);
  }

  #begin(): AbortSignal {
    this.#period = new AbortController();
    const signal = (this.#signal = this.#period.signal);
    this.#source.watch?.(signal, () => this.#onChange(signal));
    return signal;
  }

  /** Takes no sample any more. The one that is under way is of use to whoever comes next. */
  rest(): void {
    this.#ticker?.stop();
    if (this.running && this.#signal) this.#isTired = true;
    else this.stop();
  }

  /** Takes no sample any more, and aborts the one that is under way. */
  stop(): void {
    this.#isTired = false;
    this.#ticker?.stop();
    this.#period?.abort();
    this.#period = this.#signal = undefined;
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
      const signal = this.#signal ?? probe.signal; // What a source keeps for a period is kept.
      const take = async (): Promise<string> => this.#listener.encode(await this.#source.sample(signal));
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
    if (this.#signal && isWanted) this.#takeSample(this.#signal);
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
    if (this.#signal) this.#sampleSoon(this.#signal, tick.at);
  }

  /** What is sampled has changed; a sample under way may have been taken before that. */
  #onChange(signal: AbortSignal): void {
    if (signal.aborted) return;
    if (this.#running) this.#wantedMeanwhile = true;
    else this.#takeSample(signal);
  }

  /** Takes a sample, behind a probe that is under way. */
  #sampleSoon(signal: AbortSignal, now?: number): void {
    if (this.#isProbing) this.#wantedMeanwhile = true;
    else if (!this.#running) this.#takeSample(signal, now);
  }

  #takeSample(signal: AbortSignal, at = performance.now()): void {
    let json: string;
    try {
      const result = this.#source.sample(signal);
      if (result instanceof Promise) {
        this.#running = this.#finish(result, at, signal);
        return;
      }
      json = this.#listener.encode(result);
    } catch (error) {
      return this.#health.fail(error, at);
    }
    this.#succeed(json, at);
  }

  async #finish(result: Promise<unknown>, at: number, signal: AbortSignal): Promise<void> {
    let json: string | undefined;
    try {
      const payload = await result;
      if (!signal.aborted) json = this.#listener.encode(payload);
    } catch (error) {
      if (!signal.aborted) this.#health.fail(error, at);
    }
    this.#running = undefined;
    if (json !== undefined) this.#succeed(json, at);
    if (this.#isTired) return this.stop();
    const isWanted = signal.aborted || this.#wantedMeanwhile;
    this.#wantedMeanwhile = false;
    if (isWanted && this.#signal) this.#takeSample(this.#signal);
  }

  #succeed(json: string, at: number): void {
    this.#health.succeed(at);
    this.#listener.payload(json);
  }
}
