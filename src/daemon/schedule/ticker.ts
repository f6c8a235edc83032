import { createTimetable } from './timetable.ts';
import type { Tick, Timetable } from './timetable.ts';
import type { ScheduleConfig } from '../../config/config.ts';

/** Longest delay that setTimeout takes; it reads a longer one as none. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** Calls `onTick` at each turn of a schedule, never early. Has one timer while it runs and none otherwise. */
export class Ticker {
  readonly #timetable: Timetable;
  readonly #onTick: (tick: Tick) => void;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer is to fire, on the monotonic clock. */
  #wakeAt = 0;
  #stoppedNext = { from: Infinity, next: -Infinity };

  constructor(schedule: ScheduleConfig, onTick: (tick: Tick) => void) {
    this.#timetable = createTimetable(schedule);
    this.#onTick = onTick;
  }

  /** @param sinceSampleMs How long ago the last sample was taken, in milliseconds; infinite if there is none. */
  start(sinceSampleMs: number): void {
    this.#timetable.begin(sinceSampleMs);
    this.#arm(this.#timetable.wait());
  }

  /** Reports whether a tick would have come in the last so many milliseconds. */
  hasCome(withinMs: number): boolean {
    return this.#timetable.hasCome(withinMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** When the next tick is due, or would be if it ran, in milliseconds since the epoch; Infinity if nobody can tell. */
  nextAt(now: number): number {
    if (this.#timer) return now + this.#timetable.nextInMs;
    // To find it out may take a good part of a millisecond, and a status asks it of many.
    const { from, next } = this.#stoppedNext;
    if (now < from || now >= next) this.#stoppedNext = { from: now, next: this.#timetable.after(now) };
    return this.#stoppedNext.next;
  }

  /** How long the timer should have fired by now, in milliseconds; 0 if it need not have. */
  get overdueMs(): number {
    return this.#timer ? Math.max(performance.now() - this.#wakeAt, 0) : 0;
  }

  #arm(waitMs: number): void {
    const delay = Math.min(Math.ceil(waitMs), LONGEST_TIMEOUT_MS);
    this.#wakeAt = performance.now() + delay;
    this.#timer = setTimeout(this.#wake, delay);
  }

  readonly #wake = (): void => {
    const wait = this.#timetable.wait();
    // A timer may fire a little early, or to look at a clock that is still far from the tick.
    if (wait > 0) return this.#arm(wait);
    const tick = this.#timetable.take();
    // Armed first: whatever the tick does, the next one comes.
    this.#arm(this.#timetable.wait());
    this.#onTick(tick);
  };
}
