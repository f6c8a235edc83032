import { freemem, totalmem, uptime } from 'node:os';
import { expect, test } from 'vitest';

import { hostReadings, hostSource } from '../../src/sources/host.ts';
import type { HostReading } from '../../src/sources/host.ts';
import { sourceContext } from '../helpers/source-context.ts';

const { signal } = new AbortController();
const read = (reading: HostReading) => hostSource(reading, sourceContext('/')).sample(signal);

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

test('every reading is something that JSON can carry', async () => {
  for (const reading of hostReadings) {
    const payload = await read(reading);
    expect(JSON.parse(JSON.stringify(payload))).toEqual(payload);
  }
});
