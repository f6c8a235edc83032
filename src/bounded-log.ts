import type { EventFields, EventLog } from './log-events.ts';
import { Rate } from './rate.ts';

/** Lines about one subject in a second, on average, and as many at once after a rest. */
const PER_SECOND = 8;
const BURST_SECONDS = 1.25;
/** When lines that were left out are counted, in milliseconds after the first of them. */
const COUNT_MS = 1000;
/** Lines about all subjects together. */
const ALL_PER_SECOND = 100;

/**
 * Log lines about one subject (a user, a topic) that others can cause: fewer than 20 in any second, the last of which
 * counts those that were left out. Debug lines are not bounded, and what is left out is one of them.
 */
export class BoundedLog implements EventLog {
  readonly #logger: EventLog;
  readonly #subject: object;
  /** Shared by all subjects, so that many of them do not fill the log together. */
  readonly #all: Rate;
  readonly #own = new Rate(PER_SECOND, BURST_SECONDS);
  #leftOut = 0;
  #timer: NodeJS.Timeout | undefined;

  /** How much all subjects of a daemon may have logged. */
  static forAll(): Rate {
    return new Rate(ALL_PER_SECOND, 2);
  }

  /** @param subject Fields that say what the lines are about. */
  constructor(logger: EventLog, subject: object, all: Rate) {
    this.#logger = logger;
    this.#subject = subject;
    this.#all = all;
  }

  debug(fields: EventFields, message: string): void {
    this.#logger.debug(fields, message);
  }

  info(fields: EventFields, message: string): void {
    this.#logger[this.#may() ? 'info' : 'debug'](fields, message);
  }

  warn(fields: EventFields, message: string): void {
    this.#logger[this.#may() ? 'warn' : 'debug'](fields, message);
  }

  error(fields: EventFields, message: string): void {
    this.#logger[this.#may() ? 'error' : 'debug'](fields, message);
  }

  /** Counts what is left. Nothing is logged after that. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#leftOut > 0) this.#count();
  }

  #may(): boolean {
    // One line is kept back for the count.
    if (this.#own.left >= 2 && this.#all.left >= 2) return this.#own.take() && this.#all.take();
    this.#leftOut++;
    this.#timer ??= setTimeout(() => this.#tryToCount(), COUNT_MS).unref();
    return false;
  }

  #tryToCount(): void {
    this.#timer = undefined;
    if (this.#own.take() && this.#all.take()) this.#count();
    else this.#timer = setTimeout(() => this.#tryToCount(), COUNT_MS).unref();
  }

  #count(): void {
    const lines = this.#leftOut;
    this.#leftOut = 0;
    this.#logger.warn(
      { event: 'lines-left-out', ...this.#subject, lines },
      'log lines were left out: too many in a second',
    );
  }
}
