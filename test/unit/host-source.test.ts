import { existsSync } from 'node:fs';
import { uptime } from 'node:os';
import { expect, test } from 'vitest';

import { hostReadings, hostSource } from '../../src/sources/host.ts';
import type { HostReading } from '../../src/sources/host.ts';
import { canReadClock } from '../helpers/clock-here.ts';
import { sourceContext } from '../helpers/source-context.ts';

const { signal } = new AbortController();
const read = (reading: HostReading) => hostSource(reading, sourceContext('/')).sample(signal);

test('load is the averages over 1, 5 and 15 minutes, to two digits', () => {
  const load = read('load') as number[];
  expect(load).toHaveLength(3);
  for (const average of load) expect(Math.round(average * 100) / 100).toBe(average);
});

test('uptime is in whole seconds', () => {
  const seconds = read('uptime') as number;
  expect(Number.isInteger(seconds)).toBe(true);
  expect(Math.abs(seconds - uptime())).toBeLessThan(5);
});

test('every reading is something that JSON can carry', async () => {
  const fails: Partial<Record<HostReading, boolean>> = {
    time: !(await canReadClock()),
    units: !existsSync('/run/systemd/system'),
  };
  for (const reading of hostReadings) {
    if (fails[reading]) continue;
    const payload = await read(reading);
    expect(JSON.parse(JSON.stringify(payload))).toEqual(payload);
  }
});
