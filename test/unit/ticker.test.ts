import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { ScheduleConfig } from '../../src/config/config.ts';
import { parseCron } from '../../src/config/cron.ts';
import { Scheduler } from '../../src/daemon/schedule/scheduler.ts';
import { Ticker } from '../../src/daemon/schedule/ticker.ts';
import { createTimetable } from '../../src/daemon/schedule/timetable.ts';
import type { Tick } from '../../src/daemon/schedule/timetable.ts';
import { offsetsOf } from '../../src/timezone.ts';

const HOUR = 3_600_000;
const NOON = Date.UTC(2027, 0, 1, 12);

/** How far the monotonic clock is ahead of the fake timers: time that passed while nothing could fire. */
let blocked = 0;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'], now: NOON });
  blocked = 0;
  const now = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => now() + blocked);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Blocks the event loop: both clocks go on, and no timer fires. */
function block(ms: number): void {
  blocked += ms;
  vi.setSystemTime(Date.now() + ms);
}

/** Sets the wall clock, as an administrator does; the monotonic clock does not notice. */
function setWallClock(change: number): void {
  vi.setSystemTime(Date.now() + change);
}

interface Seen extends Tick {
  /** Monotonic time since the start. */
  at: number;
  wall: number;
}

function start(schedule: ScheduleConfig, onTick: (seen: Seen[]) => void = () => {}): Seen[] {
  const seen: Seen[] = [];
  const began = performance.now();
  const ticker = new Ticker(new Scheduler((ring) => ring(), 0), schedule, (tick) => {
    seen.push({ ...tick, at: performance.now() - began, wall: Date.now() });
    onTick(seen);
  });
  ticker.start(Infinity);
  return seen;
}

const every = (intervalMs: number, align = false): ScheduleConfig => ({
  kind: 'interval',
  intervalMs,
  align,
});
const cron = (pattern: string, timezone?: string): ScheduleConfig => ({
  kind: 'cron',
  pattern,
  ...(timezone && { timezone }),
});
const walls = (seen: Seen[]): string[] => seen.map(({ wall }) => new Date(wall).toISOString().slice(5, 19));

describe('an interval', () => {
  test('ticks at start + n × interval', () => {
    const seen = start(every(100));
    vi.advanceTimersByTime(1000);
    expect(seen.map(({ at }) => at)).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
  });

  test('does not drift, whatever holds it up: each tick is sent once, and the overrun ones are counted', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 350 }), { minLength: 5, maxLength: 30 }), (holdUps) => {
        const seen = start(every(100), ({ length }) => block(holdUps[length - 1] ?? 0));
        vi.advanceTimersByTime(100 * holdUps.length * 5);
        let due = 0;
        for (const { at, lateMs, skipped } of seen) {
          due += 100;
          expect(lateMs).toBeGreaterThanOrEqual(0);
          expect(at - lateMs, 'where it belongs').toBeCloseTo(due, 6);
          expect(skipped).toBe(Math.floor(lateMs / 100));
          due += skipped * 100;
        }
        vi.clearAllTimers();
      }),
    );
  });

  test('is not moved by setting the wall clock', () => {
    const seen = start(every(1000), ({ length }) => setWallClock(length % 2 === 0 ? HOUR : -2 * HOUR));
    vi.advanceTimersByTime(6000);
    expect(seen.map(({ at, skipped }) => [at, skipped])).toEqual(
      [1, 2, 3, 4, 5, 6].map((n) => [n * 1000, 0]),
    );
  });

  test('may be longer than a timer can be', () => {
    const month = 31 * 24 * HOUR;
    const seen = start(every(month));
    vi.advanceTimersByTime(month - 1);
    expect(seen).toHaveLength(0);
    vi.advanceTimersByTime(1);
    expect(seen).toMatchObject([{ at: month, skipped: 0 }]);
  });

  test('never ticks early, though a timer may fire early', () => {
    const seen = start(every(100));
    blocked = -0.6;
    vi.advanceTimersByTime(100);
    expect(seen).toHaveLength(0);
    vi.advanceTimersByTime(1);
    expect(seen).toMatchObject([{ skipped: 0, lateMs: expect.closeTo(0.4) }]);
  });

  test('has one timer while it runs and none when it is stopped', () => {
    const ticker = new Ticker(new Scheduler((ring) => ring(), 0), every(100), () => {});
    expect(vi.getTimerCount()).toBe(0);
    ticker.start(Infinity);
    vi.advanceTimersByTime(1000);
    expect(vi.getTimerCount()).toBe(1);
    ticker.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('goes on though a tick throws', () => {
    const seen = start(every(100), ({ length }) => {
      if (length === 1) throw new Error('ours');
    });
    expect(() => vi.advanceTimersByTime(100)).toThrow('ours');
    vi.advanceTimersByTime(100);
    expect(seen).toHaveLength(2);
  });
});

describe('an aligned interval', () => {
  beforeEach(() => setWallClock(250));

  test('ticks at multiples on the wall clock', () => {
    const seen = start(every(1000, true));
    vi.advanceTimersByTime(2800);
    expect(seen.map(({ wall }) => wall - NOON)).toEqual([1000, 2000, 3000]);
  });

  test('that was held up is late once, and counts what it overran', () => {
    const seen = start(every(1000, true), ({ length }) => block(length === 1 ? 3500 : 0));
    vi.advanceTimersByTime(3000);
    expect(seen.slice(0, 3).map(({ wall, skipped }) => [wall - NOON, skipped])).toEqual([
      [1000, 0],
      [4501, 2],
      [5000, 0],
    ]);
  });

  test.each([HOUR, -HOUR])('follows the wall clock when it is set by %i ms, without a burst', (change) => {
    const seen = start(every(1000, true), ({ length }) => length === 2 && setWallClock(change));
    vi.advanceTimersByTime(5000);
    expect(seen.map(({ skipped }) => skipped)).toEqual(seen.map(() => 0));
    expect(seen.map(({ wall }) => wall - NOON)).toEqual([
      1000,
      2000,
      3000 + change,
      4000 + change,
      5000 + change,
    ]);
  });
});

describe('an aligned interval goes by the local clock', () => {
  const times = (intervalMs: number, timezone: string, from: string, count: number): string[] => {
    const table = createTimetable({ kind: 'interval', intervalMs, align: true, timezone });
    let time = Date.parse(from);
    return Array.from({ length: count }, () =>
      new Date((time = table.after(time))).toISOString().slice(5, 16),
    );
  };

  test.each([
    ['midnights', 24, 'Europe/Berlin', '2027-01-01T12:00Z', ['01-01T23:00', '01-02T23:00']],
    [
      'full hours where the clock is half an hour off',
      1,
      'Asia/Kolkata',
      '2027-01-01T00:00Z',
      ['01-01T00:30', '01-01T01:30'],
    ],
    ['an offset', 24, '-03:30', '2027-01-01T12:00Z', ['01-02T03:30', '01-03T03:30']],
    [
      'midnights around the hour that is left out',
      24,
      'Europe/Berlin',
      '2027-03-27T00:00Z',
      ['03-27T23:00', '03-28T22:00', '03-29T22:00'],
    ],
    [
      'midnights around the hour that is repeated',
      24,
      'Europe/Berlin',
      '2027-10-30T00:00Z',
      ['10-30T22:00', '10-31T23:00'],
    ],
    [
      'each hour, also around the one that is left out',
      1,
      'Europe/Berlin',
      '2027-03-27T23:30Z',
      ['03-28T00:00', '03-28T01:00', '03-28T02:00'],
    ],
    [
      'each hour, also the one that is repeated',
      1,
      'Europe/Berlin',
      '2027-10-30T23:30Z',
      ['10-31T00:00', '10-31T01:00', '10-31T02:00'],
    ],
    [
      'a midnight that does not come, as the clock jumps over it',
      24,
      'Africa/Cairo',
      '2026-04-23T12:00Z',
      ['04-23T22:00', '04-24T21:00'],
    ],
    [
      'every six hours, by the clock',
      6,
      'Europe/Berlin',
      '2027-03-27T22:30Z',
      ['03-27T23:00', '03-28T04:00', '03-28T10:00'],
    ],
  ])('%s', (_, hours, timezone, from, expected) => {
    expect(times(hours * HOUR, timezone, from, expected.length)).toEqual(expected);
  });

  test('each time is after the one before, and one of the clock, in any zone', () => {
    const zones = [
      'Europe/Berlin',
      'America/St_Johns',
      'Australia/Lord_Howe',
      'Africa/Cairo',
      'Pacific/Apia',
      'UTC',
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom(1000, 7000, 1_800_000, HOUR, 5 * HOUR, 24 * HOUR),
        fc.integer({ min: Date.UTC(2011, 0), max: Date.UTC(2030, 0) }),
        (timezone, intervalMs, from) => {
          const offsetAt = offsetsOf(timezone);
          const table = createTimetable({ kind: 'interval', intervalMs, align: true, timezone });
          const next = table.after(from);
          expect(next).toBeGreaterThan(from);
          // A clock that is set in between may skip a time or show it again; a zone may leave out a day.
          expect(next - from).toBeLessThanOrEqual(intervalMs + 24 * HOUR);
          const isSet = offsetAt(next - 1) !== offsetAt(next);
          if (!isSet) expect((next + offsetAt(next)) % intervalMs).toBe(0);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('a delayed schedule', () => {
  test('of an interval ticks later by the same time, from the start on', () => {
    const seen = start({ kind: 'interval', intervalMs: 100, align: false, delayMs: 30 });
    vi.advanceTimersByTime(350);
    expect(seen.map(({ at, lateMs, skipped }) => [at, lateMs, skipped])).toEqual([
      [130, 0, 0],
      [230, 0, 0],
      [330, 0, 0],
    ]);
  });

  test('of the clock does, too', () => {
    const seen = start({ kind: 'cron', pattern: '*/20 * * * *', timezone: 'UTC', delayMs: 3000 });
    vi.advanceTimersByTime(45 * 60_000);
    expect(walls(seen)).toEqual(['01-01T12:00:03', '01-01T12:20:03', '01-01T12:40:03']);
  });
});

describe('the next time', () => {
  test('is known of a clock that nobody hears, and follows it when it is set', () => {
    const ticker = new Ticker(new Scheduler((ring) => ring(), 0), cron('0 * * * *', 'UTC'), () => {});
    const next = (): string => new Date(ticker.nextAt(Date.now())).toISOString().slice(11, 16);
    expect(next()).toBe('13:00');
    vi.advanceTimersByTime(HOUR);
    expect(next()).toBe('14:00');
    setWallClock(-3 * HOUR);
    expect(next()).toBe('11:00');
  });

  test('of an interval is known while it runs', () => {
    const ticker = new Ticker(new Scheduler((ring) => ring(), 0), every(1000), () => {});
    expect(ticker.nextAt(Date.now())).toBe(Infinity);
    ticker.start(Infinity);
    vi.advanceTimersByTime(300);
    expect(ticker.nextAt(Date.now()) - Date.now()).toBe(700);
  });
});

describe('a cron pattern', () => {
  test('ticks at its times', () => {
    const seen = start(cron('*/20 * * * *', 'UTC'));
    vi.advanceTimersByTime(HOUR);
    expect(walls(seen)).toEqual(['01-01T12:20:00', '01-01T12:40:00', '01-01T13:00:00']);
  });

  test.each([
    ['both day fields, if one begins with *', '0 0 */2 * 1', ['01-05', '01-19', '02-09']],
    ['both day fields, if one begins with *', '0 0 13 * */5', ['02-13', '03-13', '09-13']],
    ['either, if none does', '0 0 13 * 1', ['01-05', '01-12', '01-13']],
    ['the day of the month', '0 0 13 * *', ['01-13', '02-13', '03-13']],
    ['the day of the week', '0 0 * * 1', ['01-05', '01-12', '01-19']],
  ])('goes by %s: %s', (_, pattern, days) => {
    const runs = parseCron(pattern, 'UTC').nextRuns(3, new Date('2026-01-01T00:00:00Z'));
    expect(runs.map((run) => run.toISOString().slice(5, 10))).toEqual(days);
  });

  test('may have seconds', () => {
    const seen = start(cron('*/30 * * * * *', 'UTC'));
    vi.advanceTimersByTime(90_000);
    expect(walls(seen)).toEqual(['01-01T12:00:30', '01-01T12:01:00', '01-01T12:01:30']);
  });

  test.each([10_000, 500])('comes although the clock was set to %i ms before it', (before) => {
    const seen = start(cron('0 9 * * *', 'UTC')); // It is noon.
    vi.advanceTimersByTime(300);
    setWallClock(-3 * HOUR - before - 300);
    vi.advanceTimersByTime(12_000);
    expect(walls(seen)).toEqual([expect.stringMatching(/^01-01T09:00:00$/)]);
    expect(seen[0]!.lateMs).toBeLessThan(1000);
    expect(seen[0]!.skipped).toBe(0);
  });

  test('comes although the machine has slept until just before it', () => {
    const seen = start(cron('0 13 * * *', 'UTC'));
    vi.advanceTimersByTime(2000);
    setWallClock(HOUR - 3000); // The monotonic clock stands still meanwhile.
    vi.advanceTimersByTime(5000);
    expect(walls(seen)).toEqual(['01-01T13:00:00']);
  });

  test('notices within a second that the wall clock was set', () => {
    const seen = start(cron('0 * * * *', 'UTC'));
    vi.advanceTimersByTime(1000);
    setWallClock(90 * 60_000); // 13:30:01: the tick of 13:00 does not come.
    vi.advanceTimersByTime(HOUR);
    expect(walls(seen)).toEqual(['01-01T14:00:00']);
    setWallClock(-HOUR); // 13:30 again: 14:00 comes again.
    vi.advanceTimersByTime(HOUR);
    expect(walls(seen)).toEqual(['01-01T14:00:00', '01-01T14:00:00']);
  });

  test.each([
    [
      'that summer time leaves out comes when the gap ends',
      '30 2 * * *',
      Date.UTC(2027, 2, 28, 0, 50),
      ['03-28T01:00:00'],
    ],
    [
      'in the hour that winter time repeats comes once',
      '30 2 * * *',
      Date.UTC(2027, 9, 31, 0, 20),
      ['10-31T00:30:00'],
    ],
    [
      'of every hour comes in both',
      '30 * * * *',
      Date.UTC(2027, 9, 30, 23, 50),
      ['10-31T00:30:00', '10-31T01:30:00', '10-31T02:30:00'],
    ],
  ])('%s', (_, pattern, from, expected) => {
    vi.setSystemTime(from);
    const seen = start(cron(pattern, 'Europe/Berlin'));
    vi.advanceTimersByTime(3 * HOUR);
    expect(walls(seen)).toEqual(expected);
  });
});

test('a tick of the wall clock is due at its time, though time passes while the clocks are read', () => {
  const timetable = createTimetable(every(100, true));
  timetable.begin(performance.now(), Infinity);
  vi.advanceTimersByTime(100);
  const at = performance.now();
  let later = at;
  vi.mocked(performance.now).mockImplementation(() => (later += 0.001));
  expect(timetable.lookAt(at)).toBeLessThanOrEqual(at);
});

test('time that passes behind a tick is lateness, and no change of the wall clock', () => {
  const timetable = createTimetable(every(100, true));
  timetable.begin(performance.now(), Infinity);
  vi.advanceTimersByTime(100);
  const at = performance.now();
  block(800); // The process was stopped between two of its lines.
  expect(timetable.lookAt(at)).toBeLessThanOrEqual(at);
  expect(timetable.take(performance.now())).toMatchObject({ lateMs: 800, skipped: 8 });
});

test('time that passes between reading the two clocks is no change of the wall clock', () => {
  const timetable = createTimetable(every(100, true));
  const read = Date.now.bind(Date);
  const reading = vi.spyOn(Date, 'now').mockImplementation(() => {
    const isSecond = reading.mock.calls.length === 2;
    if (isSecond) block(800); // The process was stopped before it could read this one.
    return read();
  });
  timetable.begin(performance.now(), Infinity);
  const now = performance.now();
  expect(timetable.lookAt(now)).toBeLessThanOrEqual(now);
  expect(timetable.take(now)).toMatchObject({ lateMs: 700, skipped: 7 });
});
