import type { Cron } from 'croner';

import type { ScheduleConfig } from '../../config/config.ts';
import { parseCron } from '../../config/cron.ts';
import { offsetsOf } from '../../timezone.ts';

/** One turn of a schedule. */
export interface Tick {
  /** When it came, on the monotonic clock. */
  at: number;
  /** How long after its time it came, in milliseconds. */
  lateMs: number;
  /** How many later ticks have come due meanwhile; they are not made up for. */
  skipped: number;
}

/** Knows when the next tick is due. Times are on the monotonic clock, `performance.now()`. */
export interface Timetable {
  /** Begins to count: from the last sample if that was less than an interval ago, else from `now`. */
  begin(now: number, sinceSampleMs: number): void;
  /** Reports whether a tick would have come in the last so many milliseconds, which may be infinite. */
  hasCome(withinMs: number): boolean;
  /** When to look again, at the latest when the next tick is due; no later than `now` if that is due. */
  lookAt(now: number): number;
  /** Milliseconds until the next tick. */
  readonly nextInMs: number;
  /**
   * The first time after `time` at which a tick is due, whether it counts or not, both in milliseconds since the epoch;
   * Infinity if that depends on when it begins to count.
   */
  after(time: number): number;
  /** Takes the tick that is due at `now`, and moves on to the next one that is still to come. */
  take(now: number): Tick;
}

export function createTimetable(schedule: ScheduleConfig): Timetable {
  const times = wallTimesOf(schedule);
  if (times) return new WallTable(times);
  const { intervalMs, delayMs = 0 } = schedule as ScheduleConfig & { kind: 'interval' };
  return new IntervalTable(intervalMs, delayMs);
}

function wallTimesOf(schedule: ScheduleConfig): WallTimes | undefined {
  const { timezone, delayMs } = schedule;
  let times: WallTimes;
  if (schedule.kind === 'cron') times = new CronTimes(schedule.pattern, timezone);
  else if (schedule.align) times = new Multiples(schedule.intervalMs, timezone);
  else return undefined;
  return delayMs ? new Delayed(times, delayMs) : times;
}

/** Tick n is due at start + n × interval, however late the ones before it were. */
class IntervalTable implements Timetable {
  readonly #intervalMs: number;
  readonly #delayMs: number;
  #start = 0;
  #next = 1;
  #due = Infinity;

  constructor(intervalMs: number, delayMs: number) {
    this.#intervalMs = intervalMs;
    this.#delayMs = delayMs;
  }

  begin(now: number, sinceSampleMs: number): void {
    this.#start = now + (this.hasCome(sinceSampleMs) ? this.#delayMs : -Math.floor(sinceSampleMs));
    this.#goTo(1);
  }

  #goTo(tick: number): void {
    this.#next = tick;
    this.#due = this.#start + tick * this.#intervalMs;
  }

  hasCome(withinMs: number): boolean {
    return withinMs >= this.#intervalMs;
  }

  lookAt(): number {
    return this.#due;
  }

  get nextInMs(): number {
    return this.#due - performance.now();
  }

  after(): number {
    return Infinity;
  }

  take(now: number): Tick {
    const lateMs = now - this.#due;
    const skipped = Math.floor(lateMs / this.#intervalMs);
    this.#goTo(this.#next + skipped + 1);
    return { at: now, lateMs, skipped };
  }
}

/** Instants of the wall clock, in milliseconds since the epoch. */
interface WallTimes {
  /** The first instant after `time`. */
  after(time: number): number;
}

/** All clocks on earth are ahead of UTC by a multiple of this: it makes no difference to intervals that divide it. */
const QUARTER_MS = 900_000;

/** Multiples of an interval on the clock of a time zone: those of a day are its midnights. */
class Multiples implements WallTimes {
  readonly #intervalMs: number;
  readonly #offsetAt: (time: number) => number;

  constructor(intervalMs: number, timezone = 'UTC') {
    this.#intervalMs = intervalMs;
    this.#offsetAt = QUARTER_MS % intervalMs === 0 ? () => 0 : offsetsOf(timezone);
  }

  after(time: number): number {
    const before = this.#offsetAt(time);
    const local = (Math.floor((time + before) / this.#intervalMs) + 1) * this.#intervalMs;
    const next = local - before;
    const offset = this.#offsetAt(next);
    if (offset === before) return next;
    // The clock is set until then. It shows that time earlier or later, or, if it jumps over it, as it jumps.
    const corrected = local - offset;
    if (this.#isMultiple(next) || corrected <= time) return next;
    return this.#isMultiple(corrected) ? corrected : Math.max(next, corrected);
  }

  #isMultiple(time: number): boolean {
    return (time + this.#offsetAt(time)) % this.#intervalMs === 0;
  }
}

/** The times of others, each later by the same time. */
class Delayed implements WallTimes {
  readonly #times: WallTimes;
  readonly #delayMs: number;

  constructor(times: WallTimes, delayMs: number) {
    this.#times = times;
    this.#delayMs = delayMs;
  }

  after(time: number): number {
    return this.#times.after(time - this.#delayMs) + this.#delayMs;
  }
}

class CronTimes implements WallTimes {
  readonly #cron: Cron;

  constructor(pattern: string, timezone?: string) {
    this.#cron = parseCron(pattern, timezone);
  }

  after(time: number): number {
    return this.#cron.nextRun(new Date(time))?.getTime() ?? Infinity;
  }
}

/** A clock that moves by less than this is being corrected, and its times stay where they are. */
const STEP_MS = 500;
/** How often a long wait looks whether the wall clock was set, or the machine was asleep, meanwhile. */
const LOOK_MS = 1000;

/**
 * Ticks at instants of the wall clock and follows it when it is set: set forward, the instants it jumped
 * over do not come; set back, those that it shows again come again. Lateness is measured on the monotonic
 * clock, so that setting the wall clock does not count as being late.
 */
class WallTable implements Timetable {
  readonly #times: WallTimes;
  /** The next instant on the wall clock, and the monotonic time that it was expected at. */
  #instant = 0;
  #expected = 0;
  /** When the wall clock was looked at, on the monotonic one. */
  #lookedAt = 0;

  constructor(times: WallTimes) {
    this.#times = times;
  }

  begin(): void {
    this.#lookedAt = performance.now();
    this.#aim(Date.now());
  }

  hasCome(withinMs: number): boolean {
    const now = Date.now();
    return withinMs === Infinity || this.#times.after(now - withinMs) <= now;
  }

  lookAt(now: number): number {
    const { wall, monotonic } = bothClocks(); // And not by `now`: the process may have stood still since.
    const lateMs = monotonic - this.#expected;
    if (Math.abs(wall - this.#instant - lateMs) > STEP_MS)
      this.#stepped(wall, Math.max(lateMs, monotonic - this.#lookedAt));
    this.#lookedAt = monotonic;
    return now + Math.min(this.#instant - wall, LOOK_MS);
  }

  get nextInMs(): number {
    return this.#instant - Date.now();
  }

  after(time: number): number {
    return this.#times.after(time);
  }

  take(now: number): Tick {
    const lateMs = Math.max(now - this.#expected, 0);
    const due = this.#instant + lateMs;
    let skipped = 0;
    let next = this.#times.after(this.#instant);
    for (; next <= due; next = this.#times.after(next)) skipped++;
    this.#aim(next - 1);
    return { at: now, lateMs, skipped };
  }

  /** The clock was set: the last instant that it may have shown in the time that nobody looked counts. */
  #stepped(wall: number, unseenMs: number): void {
    let last = wall - unseenMs - 1;
    for (let next = this.#times.after(last); next <= wall; next = this.#times.after(next)) last = next - 1;
    this.#aim(last);
  }

  #aim(after: number): void {
    this.#instant = this.#times.after(after);
    const { wall, monotonic } = bothClocks();
    this.#expected = monotonic + this.#instant - wall;
  }
}

/** What both clocks show at one moment. If the process stood still between reading the two, they are read again. */
function bothClocks(): { wall: number; monotonic: number } {
  for (let before = performance.now(); ;) {
    const wall = Date.now();
    const monotonic = performance.now();
    if (monotonic - before < STEP_MS / 2) return { wall, monotonic };
    before = monotonic;
  }
}
