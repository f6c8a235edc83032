import type { ScheduleConfig } from '../../config/config.ts';
import type { Alarm, Scheduler } from './scheduler.ts';
import { createTimetable } from './timetable.ts';
import type { Tick, Timetable } from './timetable.ts';

/** Calls `onTick` at each turn of a topic's schedule, never early. */
export class Ticker implements Alarm {
  dueAt = Infinity;
  place = -1;
  readonly #scheduler: Scheduler;
  readonly #timetable: Timetable;
  readonly #onTick: (tick: Tick) => void;
  #stoppedNext = { from: Infinity, next: -Infinity };

  constructor(scheduler: Scheduler, schedule: ScheduleConfig, onTick: (tick: Tick) => void) {
    this.#scheduler = scheduler;
    this.#timetable = createTimetable(schedule);
    this.#onTick = onTick;
  }

  /** @param sinceSampleMs How long ago the last sample was taken, in milliseconds; infinite if there is none. */
  start(sinceSampleMs: number): void {
    this.#timetable.begin(this.#scheduler.now, sinceSampleMs);
    this.#scheduler.set(this, this.#timetable.lookAt(performance.now()));
  }

  /** Reports whether a tick would have come in the last so many milliseconds. */
  hasCome(withinMs: number): boolean {
    return this.#timetable.hasCome(withinMs);
  }

  stop(): void {
    this.#scheduler.clear(this);
  }

  /** When the next tick is due, or would be if it ran, in milliseconds since the epoch; Infinity if nobody can tell. */
  nextAt(now: number): number {
    if (this.place >= 0) return now + this.#timetable.nextInMs;
    // To find it out may take a good part of a millisecond, and a status asks it of many.
    const { from, next } = this.#stoppedNext;
    if (now < from || now >= next) this.#stoppedNext = { from: now, next: this.#timetable.after(now) };
    return this.#stoppedNext.next;
  }

  ring(now: number): void {
    const at = this.#timetable.lookAt(now);
    // It was to look at a clock that is still far from the tick, or was set meanwhile.
    if (at > now) return this.#scheduler.set(this, at);
    const tick = this.#timetable.take(now);
    // Set first: whatever the tick does, the next one comes.
    this.#scheduler.set(this, this.#timetable.lookAt(now));
    this.#onTick(tick);
  }
}
