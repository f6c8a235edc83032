import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { Supervision } from '../../src/daemon/supervision.ts';
import type { Health } from '../../src/daemon/health.ts';
import { Logbook } from '../helpers/logbook.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const healthy: Health = { clients: 1, topics: 2, awake: 1, messages: 0, overdueMs: 0, failing: 0 };

/** A supervision of a daemon whose signs of life can be changed, and what it says. */
function supervised(watchdogMs?: number) {
  const health = { ...healthy };
  const said: Record<string, string | number>[] = [];
  const logger = new Logbook();
  const manager = {
    watchdogMs,
    notify: (state: Readonly<Record<string, string | number>>) => void said.push({ ...state }),
  };
  const supervision = new Supervision(manager, () => health, logger);
  const saidOf = (name: string) => said.flatMap((state) => (name in state ? [state[name]] : []));
  return { supervision, health, said, saidOf, logger };
}

describe('the watchdog', () => {
  test('hears of us three times in its time', () => {
    const { supervision, saidOf } = supervised(9000);
    supervision.ready();
    vi.advanceTimersByTime(27_001);
    expect(saidOf('WATCHDOG')).toHaveLength(1 + 9);
  });

  test('hears nothing while a tick is overdue for half of its time, and the log says why', () => {
    const { supervision, health, saidOf, logger } = supervised(9000);
    supervision.ready();
    health.overdueMs = 4500;
    vi.advanceTimersByTime(9001);
    expect(saidOf('WATCHDOG')).toHaveLength(1);
    expect(logger.lines).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'the schedule stands still', overdueMs: 4500 }),
    );
    health.overdueMs = 0;
    vi.advanceTimersByTime(3001);
    expect(saidOf('WATCHDOG')).toHaveLength(2);
  });
});

describe('the status line', () => {
  test('tells how many there are, and how fast messages come', () => {
    const { supervision, health, saidOf } = supervised();
    supervision.ready();
    health.messages = 20;
    vi.advanceTimersByTime(5001); // The beat comes after its timer, at the end of the turn.
    expect(saidOf('STATUS')).toEqual([
      '1 client, 2 topics (1 awake), 0.0 messages/s',
      '1 client, 2 topics (1 awake), 4.0 messages/s',
    ]);
  });

  test('is not told again while it stays the same', () => {
    const { supervision, saidOf } = supervised();
    supervision.ready();
    vi.advanceTimersByTime(60_000);
    expect(saidOf('STATUS')).toHaveLength(1);
  });

  test('counts the topics that fail', () => {
    const { supervision, health, saidOf } = supervised();
    health.failing = 2;
    supervision.ready();
    expect(saidOf('STATUS').at(-1)).toMatch(/; 2 topics failing \(see the journal\)$/);
  });

  test('says that a reload failed until one goes well', () => {
    const { supervision, said, saidOf } = supervised();
    supervision.ready();
    supervision.reloading();
    expect(said.at(-1)).toEqual({ RELOADING: 1, MONOTONIC_USEC: expect.stringMatching(/^\d+$/) });
    supervision.reloaded({ failed: true });
    expect(saidOf('READY')).toHaveLength(2);
    expect(saidOf('STATUS').at(-1)).toMatch(
      /^the reload failed, the old configuration stays \(see the journal\); 1 client/,
    );
    supervision.reloaded({ failed: false });
    expect(saidOf('STATUS').at(-1)).toMatch(/^1 client/);
  });
});

test('stopping asks for the time that it takes, and goes quiet', () => {
  const { supervision, said } = supervised(9000);
  supervision.ready();
  supervision.stopping(30_000);
  expect(said.at(-1)).toEqual({ STOPPING: 1, STATUS: 'stopping', EXTEND_TIMEOUT_USEC: 35_000_000 });
  const { length } = said;
  vi.advanceTimersByTime(60_000);
  expect(said).toHaveLength(length);
});

describe('a service manager', () => {
  test('that does not listen stops nobody, and is logged once', () => {
    const { supervision, said, logger } = supervised(9000);
    said.push = () => {
      throw new Error('sendto failed: ECONNREFUSED');
    };
    supervision.ready();
    supervision.reloading();
    supervision.reloaded({ failed: false });
    vi.advanceTimersByTime(30_000);
    supervision.stopping(1000);
    expect(logger.lines).toHaveLength(1);
    expect(logger.lines[0]).toMatchObject({ level: 'warn', error: 'sendto failed: ECONNREFUSED' });
  });
});
