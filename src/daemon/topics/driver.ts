import type { Scheduler } from '../schedule/scheduler.ts';
import type { SourceHealth } from './source-health.ts';
import type { TopicCounters } from './topic-counters.ts';

/** What a driver works with. */
export interface DriverTools {
  scheduler: Scheduler;
  counters: TopicCounters;
  health: SourceHealth;
}

/** Has a topic's source work while the topic is awake. */
export interface Driver {
  /** When it takes the next sample, in milliseconds since the epoch; Infinity if nobody can tell. */
  nextAt(now: number): number;
  /** A sample would have been taken since the last one. */
  readonly isDue: boolean;
  /** True while a sample is under way that subscribers will get. */
  readonly running: boolean;
  /** True while the source does anything. */
  readonly isBusy: boolean;
  /** @param options.sampleNow Takes a sample at once, and not only at the first tick. */
  start(options: { sampleNow: boolean }): void;
  /** The topic sleeps. A sample that is under way is of use to whoever comes next. */
  rest(): void;
  /** Ends whatever is under way, also what was asked for beside the schedule. */
  end(): void;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
  /** Takes one sample beside the schedule. @returns what it encodes to. @throws what the source throws. */
  probe(): Promise<string>;
}
