/** Something that rings at a time. */
export interface Alarm {
  /** When, on the monotonic clock, `performance.now()`. Only the scheduler writes it. */
  dueAt: number;
  /** Its place in the scheduler's heap; -1 while it is not set. Only the scheduler writes it. */
  place: number;
  /** It is due. It is not set any more. @param now The time, on the same clock. */
  ring(now: number): void;
}

/** A timer and its delay in milliseconds. Setting one again that has fired costs less than making another. */
interface Timer {
  readonly delay: number;
  readonly timeout: NodeJS.Timeout;
}

/** Longest delay that a timer takes, in milliseconds; it reads a longer one as none. */
const LONGEST_MS = 2 ** 31 - 1;
/** How long the lateness of a timer says something of the event loop, in milliseconds. */
const LAG_MS = 60_000;

/**
 * Rings alarms, all by one timer. Those that are due together ring together, so that what they bring can leave together.
 */
export class Scheduler {
  /** A heap: no alarm is due before its parent, which is at half its place. */
  readonly #heap: (Alarm | undefined)[] = [];
  /** How many alarms are in the heap. Its array is not cut: one that is set at each tick would have it made anew. */
  #size = 0;
  readonly #round: (ring: () => void) => void;
  readonly #phase: number;
  #timer: Timer | undefined;
  /** Has fired, and waits to be needed again. */
  #spare: Timer | undefined;
  /** When the timer fires. */
  #firesAt = Infinity;
  /** When the timer fired last, and how late. */
  #firedAt = -Infinity;
  #lateMs = 0;
  /** Since when what is due rings; undefined while nothing does. */
  #ringingSince: number | undefined;

  /**
   * @param round Called when something is due: it calls `ring`, and does what belongs around that.
   * @param phase See `phaseOfTimers`.
   */
  constructor(round: (ring: () => void) => void, phase: number = phaseOfTimers()) {
    this.#round = round;
    this.#phase = phase;
  }

  /** The next whole millisecond: a time that an alarm can meet. */
  get now(): number {
    return this.#wholeFrom(performance.now());
  }

  /** Has an alarm ring at a time, instead of one that it was set to. It rings at the next whole millisecond, never early. */
  set(alarm: Alarm, at: number): void {
    const before = alarm.place < 0 ? Infinity : alarm.dueAt;
    // Not in the round that rings now, which might not end.
    alarm.dueAt = this.#wholeFrom(Math.max(at, (this.#ringingSince ?? -Infinity) + 1));
    if (alarm.place < 0) this.#rise(alarm, this.#size++);
    else if (alarm.dueAt < before) this.#rise(alarm, alarm.place);
    else this.#sink(alarm, alarm.place);
    this.#arm();
  }

  /** Does something that brings messages outside the schedule, as what is due does. */
  together(work: () => void): void {
    this.#round(work);
  }

  /** Has an alarm not ring. */
  clear(alarm: Alarm): void {
    if (alarm.place < 0) return;
    this.#take(alarm);
    this.#arm();
  }

  /**
   * How late the event loop is, in milliseconds: as late as the latest timer was, or as the next one is already. 0 if no
   * timer has fired for a minute, since nobody knows.
   */
  get lagMs(): number {
    const isKnown = performance.now() - this.#firedAt < LAG_MS;
    return Math.max(isKnown ? this.#lateMs : 0, this.overdueMs);
  }

  /** How long the next alarm should have rung by now, in milliseconds; 0 if it need not have. */
  get overdueMs(): number {
    const [next] = this.#heap;
    return next ? Math.max(performance.now() - next.dueAt, 0) : 0;
  }

  readonly #fired = (): void => {
    this.#firedAt = this.#ringingSince = performance.now();
    this.#lateMs = this.#firedAt - this.#firesAt;
    this.#firesAt = Infinity;
    try {
      this.#round(this.#ring);
    } finally {
      this.#ringingSince = undefined;
      this.#arm();
    }
  };

  /** Rings what is due, each once. What fails there is ours to mend, and keeps none of the others from ringing. */
  readonly #ring = (): void => {
    const since = this.#ringingSince!;
    let now: number | undefined = since;
    let errors: unknown[] | undefined;
    for (let next = this.#heap[0]; next && next.dueAt <= since; next = this.#heap[0]) {
      this.#take(next);
      try {
        next.ring(now ?? performance.now());
      } catch (error) {
        (errors ??= []).push(error);
      }
      now = undefined; // Of those that follow, each is told how late it is.
    }
    if (errors) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
  };

  /** Sees to it that the timer fires when the next alarm is due. Without one there is no timer. */
  #arm(): void {
    if (this.#ringingSince !== undefined) return; // It will be, once.
    const next = this.#heap[0];
    if (!next) return this.#disarm();
    if (next.dueAt === this.#firesAt) return;
    // Timers count from the millisecond that has begun.
    const passed = Math.floor(performance.now() - this.#phase) + this.#phase;
    const delay = Math.min(Math.max(Math.round(next.dueAt - passed), 1), LONGEST_MS);
    if (delay !== this.#timer?.delay) this.#changeTimer();
    this.#firesAt = next.dueAt;
    if (delay === this.#timer?.delay) this.#timer.timeout.refresh();
    else this.#timer = { delay, timeout: setTimeout(this.#fired, delay) };
  }

  #disarm(): void {
    clearTimeout(this.#timer?.timeout);
    this.#timer = this.#spare = undefined;
    this.#firesAt = Infinity;
  }

  /** Takes the other timer: since timers count whole milliseconds, the ticks of one interval need two delays in turn. */
  #changeTimer(): void {
    const timer = this.#timer;
    const isRunning = this.#firesAt < Infinity;
    if (isRunning) clearTimeout(timer?.timeout);
    this.#timer = this.#spare;
    this.#spare = isRunning ? undefined : timer;
  }

  #wholeFrom(at: number): number {
    return Math.ceil(at - this.#phase) + this.#phase;
  }

  #take(alarm: Alarm): void {
    const last = this.#heap[--this.#size]!;
    this.#heap[this.#size] = undefined;
    const { place } = alarm;
    alarm.place = -1;
    if (last === alarm) return;
    if (last.dueAt < alarm.dueAt) this.#rise(last, place);
    else this.#sink(last, place);
  }

  /** Puts an alarm where it belongs, from a place upwards. */
  #rise(alarm: Alarm, from: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#heap[above]!;
      if (parent.dueAt <= alarm.dueAt) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(alarm, place);
  }

  /** The same downwards. */
  #sink(alarm: Alarm, from: number): void {
    let place = from;
    for (;;) {
      let below = 2 * place + 1;
      const right = this.#heap[below + 1];
      if (right && right.dueAt < this.#heap[below]!.dueAt) below++;
      const child = this.#heap[below];
      if (!child || child.dueAt >= alarm.dueAt) break;
      this.#put(child, place);
      place = below;
    }
    this.#put(alarm, place);
  }

  #put(alarm: Alarm, place: number): void {
    this.#heap[place] = alarm;
    alarm.place = place;
  }
}

/**
 * Where between 0 and 1 on `performance.now()` timers fire: at whole milliseconds of the system's monotonic clock. A timer
 * for a time between two of them fires before it, and has to be set again.
 */
function phaseOfTimers(): number {
  const system = Number(process.hrtime.bigint() % 1_000_000n) / 1e6;
  const phase = (performance.now() - system) % 1;
  return phase < 0 ? phase + 1 : phase;
}
