import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { canReadClock } from '../helpers/clock-here.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { readerOf, rootsIn, rootsOf } from '../helpers/host-reading.ts';
import { has } from '../helpers/programs-here.ts';

interface Time {
  synchronised: boolean;
  offsetMs: number | null;
  maxErrorMs: number | null;
}

const isReadable = await canReadClock();

test.skipIf(!(isReadable && has('python3')))(
  'time is what adjtimex(2) says; without synchronisation nothing bounds the error',
  async () => {
    const script = join(import.meta.dirname, '../helpers/adjtimex.py');
    const kernel = JSON.parse(execFileSync('python3', [script], { encoding: 'utf8' })) as Time;
    const { synchronised, offsetMs, maxErrorMs } = (await readerOf('time').sample()) as Time;
    expect(synchronised).toBe(kernel.synchronised);
    if (!synchronised) {
      expect({ offsetMs, maxErrorMs }).toEqual({ offsetMs: null, maxErrorMs: null });
      return;
    }
    // The kernel adds 0.5 ms a second to the maximum error.
    expect(Math.abs(maxErrorMs! - kernel.maxErrorMs!)).toBeLessThan(1000);
    expect(Math.abs(offsetMs! - kernel.offsetMs!)).toBeLessThan(1000);
  },
);

test.skipIf(!isReadable)('the zone is the target of /etc/localtime', async () => {
  expect(await readerOf('time', rootsOf('vm')).sample()).toMatchObject({ zone: 'Europe/Berlin' });
  expect(await readerOf('time', rootsOf('arm64')).sample()).toMatchObject({
    zone: 'America/Argentina/Ushuaia',
  });
});

test.skipIf(!isReadable)(
  'the zone is UTC without /etc/localtime, and null if that is a copy of unknown origin',
  async () => {
    expect(await readerOf('time', rootsOf('container')).sample()).toMatchObject({ zone: 'UTC' });
    using folder = temporaryFolder();
    mkdirSync(folder.file('root/etc'), { recursive: true });
    writeFileSync(folder.file('root/etc/localtime'), 'TZif2');
    expect(await readerOf('time', rootsIn(folder.path)).sample()).toMatchObject({ zone: null });
  },
);
