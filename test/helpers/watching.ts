import { Scheduler } from '../../src/daemon/schedule/scheduler.ts';
import { Sampler } from '../../src/daemon/topics/sampler.ts';
import { SourceHealth } from '../../src/daemon/topics/source-health.ts';
import { TopicCounters } from '../../src/daemon/topics/topic-counters.ts';
import { newTotals } from '../../src/daemon/totals.ts';
import type { Source } from '../../src/sources/source.ts';
import { Inbox } from './inbox.ts';

/** An awake topic without a schedule: it takes a sample only when its source says that something has changed. */
export class Watching implements AsyncDisposable {
  /** What each sample gave, as JSON; or the error, after each new one. */
  readonly outcomes = new Inbox<string>();
  readonly #sampler: Sampler;
  #read = 0;

  constructor(source: Source) {
    const counters = new TopicCounters(newTotals());
    const push = (outcome: string): void => this.outcomes.push(outcome);
    const health = new SourceHealth({ failing: push, recovered() {} }, counters);
    const scheduler = new Scheduler((ring) => ring(), 0);
    const listener = { encode: (payload: unknown) => JSON.stringify(payload), payload: push };
    this.#sampler = new Sampler(source, undefined, listener, { scheduler, counters, health });
    this.#sampler.start({ sampleNow: false });
  }

  /** How many samples there have been. */
  get count(): number {
    return this.outcomes.items.length;
  }

  /** Waits for a sample of this value, later than the last one that was waited for. */
  async gives(value: unknown): Promise<void> {
    await this.#find((outcome) => outcome === JSON.stringify(value));
  }

  /** Waits for a sample that fails like this. */
  async fails(error: string): Promise<void> {
    await this.#find((outcome) => outcome.includes(error));
  }

  async #find(wanted: (outcome: string) => boolean): Promise<void> {
    const found = await this.outcomes.find(wanted, this.#read);
    this.#read = this.outcomes.items.indexOf(found, this.#read) + 1;
  }

  /** The topic falls asleep. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#sampler.end();
    await this.#sampler.settled();
  }
}
