import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';

import type { Source } from '../source.ts';
import type { Roots } from './roots.ts';

/** Fields of /proc/meminfo, which count KiB. */
const field = /^(\w+): +(\d+) kB$/gm;

/** In bytes. `free` is what programs can still get (MemAvailable); the other fields are on Linux only. */
export function memorySource({ proc }: Roots): Source {
  return {
    sample() {
      const total = totalmem();
      const free = freemem();
      const basic = { total, free, used: total - free };
      if (process.platform !== 'linux') return basic;
      const text = readFileSync(join(proc, 'meminfo'), 'utf8');
      const kib = new Map([...text.matchAll(field)].map(([, name, count]) => [name!, Number(count)]));
      const bytes = (name: string): number | null => {
        const count = kib.get(name);
        return count === undefined ? null : count * 1024;
      };
      const swap = bytes('SwapTotal');
      const swapFree = bytes('SwapFree');
      return {
        ...basic,
        cached: bytes('Cached'),
        buffers: bytes('Buffers'),
        shared: bytes('Shmem'),
        swap: swap === null || swapFree === null ? null : { total: swap, used: swap - swapFree },
      };
    },
  };
}
