import { cpus, freemem, loadavg, totalmem, uptime } from 'node:os';

import type { Source } from './source.ts';

/** What can be read of the host. */
export const hostReadings = ['load', 'memory', 'uptime', 'cpu'] as const;
export type HostReading = (typeof hostReadings)[number];

/** Reads the host by node:os. */
export function hostSource(reading: HostReading): Source {
  switch (reading) {
    case 'load':
      return { sample: () => loadavg().map((value) => Math.round(value * 100) / 100) };
    case 'memory':
      return { sample: memory };
    case 'uptime':
      return { sample: () => Math.floor(uptime()) };
    case 'cpu':
      return cpuSource();
    default:
      return reading satisfies never;
  }
}

/** In bytes; `free` is what programs can still have (MemAvailable). */
function memory(): { total: number; free: number; used: number } {
  const total = totalmem();
  const free = freemem();
  return { total, free, used: total - free };
}

/** Share of all cores' time spent busy since the last sample, 0 to 1; since boot for the first. */
function cpuSource(): Source {
  let last = { busy: 0, all: 0 };
  return {
    sample() {
      const now = { busy: 0, all: 0 };
      for (const { times } of cpus()) {
        const all = times.user + times.nice + times.sys + times.idle + times.irq;
        now.all += all;
        now.busy += all - times.idle;
      }
      const share = (now.busy - last.busy) / Math.max(now.all - last.all, 1);
      last = now;
      return { busy: Math.round(share * 1000) / 1000 };
    },
  };
}
