import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { BoundedLog } from '../../src/bounded-log.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

function logbook() {
  const lines: { at: number; message: string; fields: object }[] = [];
  const add = (fields: object, message: string): void => {
    lines.push({ at: performance.now(), message, fields });
  };
  const debugLines: string[] = [];
  const debug = (_: object, message: string): void => void debugLines.push(message);
  return { lines, debugLines, logger: { debug, info: add, warn: add, error: add } };
}

/** Has something logged `perSecond` times a second for a while. */
function flood(log: BoundedLog, seconds: number, perSecond = 1000): void {
  for (let count = 0; count < seconds * perSecond; count++) {
    log.info({ event: 'stopped' }, 'again');
    vi.advanceTimersByTime(1000 / perSecond);
  }
}

/** The most lines in any second. */
function mostInASecond(lines: readonly { at: number }[]): number {
  return Math.max(
    ...lines.map(({ at }) => lines.filter((line) => line.at >= at && line.at < at + 1000).length),
  );
}

test('a few lines are all logged', () => {
  const { lines, logger } = logbook();
  flood(new BoundedLog(logger, { uid: 7 }, BoundedLog.forAll()), 2, 4);
  expect(lines.map(({ message }) => message)).toEqual(Array.from({ length: 8 }, () => 'again'));
});

test('many lines are fewer than 20 in any second, and each that is left out is counted', () => {
  const { lines, logger } = logbook();
  const log = new BoundedLog(logger, { uid: 7 }, BoundedLog.forAll());
  flood(log, 10);
  log.close();
  expect(mostInASecond(lines)).toBeLessThan(20);
  const counts = lines.filter(({ message }) => message.startsWith('log lines were left out'));
  expect(counts.every(({ fields }) => 'uid' in fields && fields.uid === 7)).toBe(true);
  const leftOut = counts.reduce((sum, { fields }) => sum + (fields as { lines: number }).lines, 0);
  expect(leftOut + lines.length - counts.length).toBe(10_000);
});

test('many subjects together are bounded as well', () => {
  const { lines, logger } = logbook();
  const all = BoundedLog.forAll();
  const logs = Array.from({ length: 500 }, (_, uid) => new BoundedLog(logger, { uid }, all));
  for (let count = 0; count < 20; count++) {
    for (const log of logs) log.warn({ event: 'stopped' }, 'again');
    vi.advanceTimersByTime(100);
  }
  expect(lines.length).toBeLessThan(500);
});

test('debug lines are for whoever asked for them', () => {
  const { lines, debugLines, logger } = logbook();
  const log = new BoundedLog(logger, {}, BoundedLog.forAll());
  for (let count = 0; count < 100; count++) log.debug({ event: 'stopped' }, 'each');
  expect(debugLines).toHaveLength(100);
  for (let count = 0; count < 100; count++) log.info({ event: 'stopped' }, 'again');
  expect(debugLines.length + lines.length).toBe(200); // What is left out is a debug line.
});
