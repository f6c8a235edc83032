import { syncBuiltinESMExports } from 'node:module';
import os, { freemem, totalmem, uptime } from 'node:os';
import { expect, test, vi } from 'vitest';

import { hostReadings, hostSource } from '../../src/sources/host.ts';
import type { HostReading } from '../../src/sources/host.ts';

const { signal } = new AbortController();
const read = (reading: HostReading) => hostSource(reading).sample(signal);

test('load is the averages over 1, 5 and 15 minutes, to two digits', () => {
  const load = read('load') as number[];
  expect(load).toHaveLength(3);
  for (const average of load) expect(Math.round(average * 100) / 100).toBe(average);
});

test('memory is in bytes, and what is not free is used', () => {
  const { total, free, used } = read('memory') as { total: number; free: number; used: number };
  expect(total).toBe(totalmem());
  expect(free + used).toBe(total);
  expect(Math.abs(free - freemem())).toBeLessThan(total / 2);
});

test('uptime is in whole seconds', () => {
  const seconds = read('uptime') as number;
  expect(Number.isInteger(seconds)).toBe(true);
  expect(Math.abs(seconds - uptime())).toBeLessThan(5);
});

test('cpu is the share of the time since the last sample that the cores were busy', async () => {
  /** Says how long the cores have been busy and idle: a real machine cannot be told to. */
  function spend(...cores: [busy: number, idle: number][]): void {
    const times = cores.map(([busy, idle]) => ({ user: busy - 3, nice: 1, sys: 1, irq: 1, idle }));
    vi.spyOn(os, 'cpus').mockReturnValue(times.map((spent) => ({ model: '', speed: 0, times: spent })));
    syncBuiltinESMExports();
  }
  const { sample } = hostSource('cpu');
  spend([100, 200], [100, 0]);
  expect(await sample(signal)).toEqual({ busy: 0.5 });
  spend([110, 290], [100, 0]);
  expect(await sample(signal)).toEqual({ busy: 0.1 });
  expect(await sample(signal), 'no time has passed').toEqual({ busy: 0 });
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  expect(await sample(signal)).toEqual({ busy: expect.any(Number) });
});

test('every reading is something that JSON can carry', async () => {
  for (const reading of hostReadings) {
    const payload = await read(reading);
    expect(JSON.parse(JSON.stringify(payload))).toEqual(payload);
  }
});
