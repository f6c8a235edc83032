import type { Totals } from '../../protocol/status-snapshot.ts';
import { Lateness } from '../schedule/lateness.ts';
import type { Tick } from '../schedule/timetable.ts';

/** What is counted of a topic, whatever a reload changes of it, and for all topics together. */
export class TopicCounters {
  readonly lateness = new Lateness();
  skippedTicks = 0;
  failures = 0;
  /** Payloads of a stream that newer ones have replaced before they were sent. */
  omitted = 0;
  readonly #totals: Totals;

  constructor(totals: Totals) {
    this.#totals = totals;
  }

  /** A tick has come. @param isTaken Whether a sample is taken at it. */
  ticked({ lateMs, skipped }: Tick, isTaken: boolean): void {
    this.lateness.record(lateMs);
    const all = isTaken ? skipped : skipped + 1;
    this.skippedTicks += all;
    this.#totals.skippedTicks += all;
  }

  failed(): void {
    this.failures++;
    this.#totals.failures++;
  }

  /** A newer payload has replaced one before that was sent. */
  leftOut(): void {
    this.omitted++;
    this.#totals.omitted++;
  }

  numbered(): void {
    this.#totals.messages++;
  }
}
