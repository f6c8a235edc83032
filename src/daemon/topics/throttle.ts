import type { Alarm, Scheduler } from '../schedule/scheduler.ts';
import type { TopicCounters } from './topic-counters.ts';

/** Sends the newest payload of each period. The first one after a quiet period is sent at once. */
export class Throttle implements Alarm {
  dueAt = Infinity;
  place = -1;
  readonly #scheduler: Scheduler;
  readonly #everyMs: number;
  readonly #send: (payload: unknown) => void;
  readonly #counters: TopicCounters;
  #newest: { payload: unknown } | undefined;

  constructor(
    scheduler: Scheduler,
    everyMs: number,
    send: (payload: unknown) => void,
    counters: TopicCounters,
  ) {
    this.#scheduler = scheduler;
    this.#everyMs = everyMs;
    this.#send = send;
    this.#counters = counters;
  }

  push(payload: unknown): void {
    if (this.place >= 0) {
      if (this.#newest) this.#counters.leftOut();
      this.#newest = { payload };
      return;
    }
    this.#scheduler.set(this, this.#scheduler.now + this.#everyMs);
    this.#send(payload);
  }

  ring(): void {
    const newest = this.#newest;
    this.#newest = undefined;
    if (newest) this.push(newest.payload);
  }

  /** What waits is not sent any more, and counts as left out. */
  stop(): void {
    this.#scheduler.clear(this);
    if (this.#newest) this.#counters.leftOut();
    this.#newest = undefined;
  }
}
