import { loadavg, uptime } from 'node:os';

import { systemRoots } from './host/roots.ts';
import type { Roots } from './host/roots.ts';
import { lateSource } from './late-source.ts';
import type { Source, SourceContext } from './source.ts';

/** What can be read of the host. */
export const hostReadings = [
  'load',
  'memory',
  'uptime',
  'cpu',
  'disks',
  'files',
  'io',
  'network',
  'pressure',
  'os',
  'processes',
  'temperatures',
  'time',
  'units',
] as const;
export type HostReading = (typeof hostReadings)[number];

/** Reads the host. What takes more than a line is in a file of its own below `host/`, loaded at the first sample. */
export function hostSource(reading: HostReading, context: SourceContext, roots: Roots = systemRoots): Source {
  switch (reading) {
    case 'load':
      return { sample: () => loadavg().map((value) => Math.round(value * 100) / 100) };
    case 'memory':
      return lateSource(async () => (await import('./host/memory.ts')).memorySource(roots));
    case 'uptime':
      return { sample: () => Math.floor(uptime()) };
    case 'cpu':
      return lateSource(async () => (await import('./host/cpu.ts')).cpuSource(roots));
    case 'disks':
      return lateSource(async () => (await import('./host/disks.ts')).disksSource(roots, context.timeoutMs));
    case 'files':
      return lateSource(async () => (await import('./host/open-files.ts')).openFilesSource(roots));
    case 'io':
      return lateSource(async () => (await import('./host/disk-io.ts')).diskIoSource(roots));
    case 'network':
      return lateSource(async () =>
        (await import('./host/network.ts')).networkSource(roots, context.timeoutMs),
      );
    case 'pressure':
      return lateSource(async () => (await import('./host/pressure.ts')).pressureSource(roots));
    case 'os':
      return lateSource(async () => (await import('./host/os.ts')).osSource(roots, context));
    case 'processes':
      return lateSource(async () => (await import('./host/processes.ts')).processesSource(roots));
    case 'temperatures':
      return lateSource(async () =>
        (await import('./host/temperatures.ts')).temperaturesSource(roots, context),
      );
    case 'time':
      return lateSource(async () => (await import('./host/time.ts')).timeSource(roots));
    case 'units':
      return lateSource(async () => (await import('./host/units.ts')).unitsSource(roots, context));
    default:
      return reading satisfies never;
  }
}
