import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Source } from '../source.ts';
import { CounterRates } from './counter-rates.ts';
import { numbersIn, readKernelFile } from './kernel-file.ts';
import type { Roots } from './roots.ts';

/** The kernel counts in sectors of this size, whatever the disk has. */
const SECTOR_BYTES = 512;
/** Devices that are no disk but a file or memory. */
const NO_DISK = /^(?:loop|ram|zram)\d/;

/** What a disk has done since boot. `busy` is in seconds: its rate is a share of the time. */
type IoCounter = 'readBytes' | 'writtenBytes' | 'reads' | 'writes' | 'busy';

/** Input and output of each disk: rates since the last sample, and totals since boot. */
export function diskIoSource({ proc, sys }: Roots): Source {
  const rates = new CounterRates<IoCounter>();
  return {
    sample() {
      const totals = readTotals(join(proc, 'diskstats'), wholeDisks(join(sys, 'block')));
      const disks = [...rates.next(totals)].map(([name, rate]) => [
        name,
        // The kernel's steps of time may give a little more than all of it.
        { rates: rate && { ...rate, busy: Math.min(rate.busy, 1) }, totals: totals.get(name) },
      ]);
      return Object.fromEntries(disks) as object;
    },
  };
}

/** Partitions are not among them. */
function wholeDisks(path: string): Set<string> {
  // Disks of some old controllers have a slash in their name.
  return new Set(readdirSync(path).map((name) => name.replaceAll('!', '/')));
}

function readTotals(path: string, disks: Set<string>): Map<string, Record<IoCounter, number>> {
  const totals = new Map<string, Record<IoCounter, number>>();
  for (const [, name, fields] of readKernelFile(path).matchAll(/^ *\d+ +\d+ (\S+) (.*)$/gm)) {
    if (!disks.has(name!) || NO_DISK.test(name!)) continue;
    const [reads, , sectorsRead, , writes, , sectorsWritten, , , busyMs] = numbersIn(fields!, 11, path);
    if (reads === 0 && writes === 0) continue; // such as the 16 network block devices that nobody uses
    totals.set(name!, {
      readBytes: sectorsRead! * SECTOR_BYTES,
      writtenBytes: sectorsWritten! * SECTOR_BYTES,
      reads: reads!,
      writes: writes!,
      busy: busyMs! / 1000,
    });
  }
  return totals;
}
