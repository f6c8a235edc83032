import { messageOf } from '../../errors.ts';
import type { TopicCounters } from './topic-counters.ts';

export interface HealthListener {
  /** The source has failed: the first time since it worked last, or for another reason than before. */
  failing(message: string): void;
  /** It works again, after `failures`. */
  recovered(failures: number): void;
}

/** Whether the source of a topic works, of whatever kind it is, and when it did. */
export class SourceHealth {
  readonly #listener: HealthListener;
  readonly #counters: TopicCounters;
  /** When the last sample that counts was begun, or a stream was there last, on the monotonic clock. */
  sampledAt = -Infinity;
  /** The same of the last that did not fail. */
  goodAt = -Infinity;
  /** Failures since it worked last, and when the first of them was, in milliseconds since the epoch. */
  failing = 0;
  failingSince = 0;
  lastError: string | undefined;

  constructor(listener: HealthListener, counters: TopicCounters) {
    this.#listener = listener;
    this.#counters = counters;
  }

  /** It has brought something. @param at When that was begun, on the monotonic clock. */
  succeed(at: number): void {
    this.sampledAt = this.goodAt = at;
    if (this.failing > 0) this.recover();
  }

  /** @param at When what has failed was begun; absent if no sample was. */
  fail(error: unknown, at: number = this.sampledAt): void {
    this.sampledAt = at;
    const before = this.lastError;
    this.#counters.failed();
    if (this.failing++ === 0) this.failingSince = Date.now();
    this.lastError = messageOf(error);
    if (this.lastError !== before) this.#listener.failing(this.lastError);
  }

  /** There is no source, for this reason, which nobody is told of and nothing counts. */
  lack(reason: string): void {
    this.failing = 1;
    this.failingSince = Date.now();
    this.lastError = reason;
  }

  /** It fails no more, which is told. */
  recover(): void {
    const failures = this.heal();
    if (failures > 0) this.#listener.recovered(failures);
  }

  /** It fails no more. @returns how often it had failed. */
  heal(): number {
    const failures = this.failing;
    this.failing = 0;
    this.lastError = undefined;
    return failures;
  }
}
