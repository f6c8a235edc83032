import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { Scheduler } from '../../src/daemon/schedule/scheduler.ts';
import type { Alarm } from '../../src/daemon/schedule/scheduler.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

class TestAlarm implements Alarm {
  dueAt = Infinity;
  place = -1;
  readonly rings: number[] = [];
  readonly #work: () => void;

  constructor(work: () => void = () => {}) {
    this.#work = work;
  }

  ring(): void {
    this.rings.push(performance.now());
    this.#work();
  }
}

const started = (): Scheduler => new Scheduler((ring) => ring(), 0);

describe('alarms', () => {
  test('ring in order at their times, whatever is set, set again and cleared', () => {
    const time = fc.integer({ min: 1, max: 200 });
    const step = fc.record({ alarm: fc.nat({ max: 9 }), at: fc.option(time) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        vi.clearAllTimers();
        const scheduler = started();
        const began = performance.now();
        const rung: [number, number][] = [];
        const alarms = Array.from(
          { length: 10 },
          (_, name) => new TestAlarm(() => rung.push([name, performance.now() - began])),
        );
        const wanted = new Map<number, number>();
        for (const { alarm, at } of steps) {
          if (at === null) {
            scheduler.clear(alarms[alarm]!);
            wanted.delete(alarm);
          } else {
            scheduler.set(alarms[alarm]!, began + at);
            wanted.set(alarm, at);
          }
        }
        expect(vi.getTimerCount()).toBe(wanted.size > 0 ? 1 : 0);
        vi.advanceTimersByTime(200);
        expect(new Map(rung)).toEqual(wanted);
        expect(rung.map(([, at]) => at)).toEqual(rung.map(([, at]) => at).toSorted((a, b) => a - b));
        expect(vi.getTimerCount()).toBe(0);
      }),
    );
  });

  test('that are due together ring in one round, and what they set rings in another', () => {
    const rounds: string[] = [];
    const scheduler = new Scheduler((ring) => {
      rounds.push('begin');
      ring();
      rounds.push('end');
    }, 0);
    const again = new TestAlarm(() => rounds.push('again'));
    for (let count = 0; count < 3; count++)
      scheduler.set(
        new TestAlarm(() => {
          rounds.push('ring');
          scheduler.set(again, performance.now());
        }),
        performance.now() + 10,
      );
    vi.advanceTimersByTime(20);
    expect(rounds).toEqual(['begin', 'ring', 'ring', 'ring', 'end', 'begin', 'again', 'end']);
  });

  test('that throw keep none of the others from ringing, now and later', () => {
    const scheduler = started();
    const throws = new TestAlarm(() => {
      throw new Error('ours');
    });
    const well: TestAlarm = new TestAlarm(() => scheduler.set(well, performance.now() + 10));
    for (const alarm of [throws, well]) scheduler.set(alarm, performance.now() + 10);
    expect(() => vi.advanceTimersByTime(10)).toThrow('ours');
    vi.advanceTimersByTime(20);
    expect(well.rings).toHaveLength(3);
  });

  test('are known to be overdue while nothing rings them', () => {
    const scheduler = started();
    expect(scheduler.overdueMs).toBe(0);
    scheduler.set(new TestAlarm(), performance.now() + 10);
    expect(scheduler.overdueMs).toBe(0);
    const now = performance.now.bind(performance);
    vi.spyOn(performance, 'now').mockImplementation(() => now() + 5000); // The event loop is blocked.
    expect(scheduler.overdueMs).toBe(4990);
    vi.restoreAllMocks();
  });

  test('of one interval share two timers, whatever delays they need in turn', () => {
    const made = vi.spyOn(globalThis, 'setTimeout');
    const scheduler = started();
    const began = performance.now();
    let ticks = 0;
    const alarm: TestAlarm = new TestAlarm(() => {
      scheduler.set(alarm, began + ++ticks * 50 + (ticks % 2));
    });
    scheduler.set(alarm, began);
    vi.advanceTimersByTime(1000);
    expect(alarm.rings.length).toBeGreaterThan(15);
    expect(made.mock.calls.length).toBeLessThanOrEqual(4);
    made.mockRestore();
  });

  test('for a time farther off than any timer ring at that time', () => {
    const scheduler = started();
    const alarm = new TestAlarm();
    const at = performance.now() + 2 ** 32;
    scheduler.set(alarm, at);
    vi.advanceTimersByTime(2 ** 32 - 1);
    expect(alarm.rings).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(alarm.rings).toEqual([at]);
  });
});

test('real timers fire at the times that the scheduler rounds to: each round rings something', async () => {
  vi.useRealTimers();
  let rounds = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const scheduler = new Scheduler((ring) => {
    rounds++;
    ring();
  });
  const began = scheduler.now;
  let ticks = 0;
  const alarm: TestAlarm = new TestAlarm(() => {
    expect(performance.now()).toBeGreaterThanOrEqual(alarm.dueAt);
    if (++ticks < 50) scheduler.set(alarm, began + ticks * 3);
    else resolve();
  });
  scheduler.set(alarm, began);
  await promise;
  expect(rounds).toBeLessThan(60); // 50, but for what a busy machine makes of it.
});

describe('the lag', () => {
  test('is how late the latest timer was, or the next one is already, and is forgotten after a minute', () => {
    const scheduler = started();
    expect(scheduler.lagMs).toBe(0);
    const alarm = new TestAlarm();
    scheduler.set(alarm, performance.now() + 10);
    vi.advanceTimersByTime(10);
    expect(scheduler.lagMs).toBe(0);

    const late = new TestAlarm();
    scheduler.set(late, performance.now() - 25);
    expect(scheduler.lagMs).toBe(25);
    vi.advanceTimersByTime(1);
    expect(late.rings).toHaveLength(1);
    expect(scheduler.lagMs).toBe(26);
    vi.advanceTimersByTime(59_000);
    expect(scheduler.lagMs).toBe(26);
    vi.advanceTimersByTime(1000);
    expect(scheduler.lagMs).toBe(0);
  });
});
