import { join } from 'node:path';

import type { Source } from '../source.ts';
import { readKernelFileIfAny } from './kernel-file.ts';
import type { Roots } from './roots.ts';

/** How long tasks waited: in percent of the last 10, 60 and 300 s, and in seconds since boot. */
interface Waits {
  avg10: number;
  avg60: number;
  avg300: number;
  total: number;
}

const LINE = /^(some|full) avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=(\d+)$/gm;

/** Pressure stall information, see the kernel's psi.rst. `irq` where the kernel has it. */
export function pressureSource({ proc }: Roots): Source {
  return {
    sample() {
      const read = (what: string): Record<string, Waits> | undefined =>
        parse(readKernelFileIfAny(join(proc, 'pressure', what)));
      const [cpu, memory, io, irq] = ['cpu', 'memory', 'io', 'irq'].map(read);
      if (!cpu?.['some'] || !memory || !io)
        throw new Error(
          `this kernel does not measure pressure (no ${join(proc, 'pressure')}): it needs CONFIG_PSI=y and, where that is off by default, psi=1 on the kernel command line`,
        );
      // `full` of the CPU is always 0: it is not defined for a whole machine.
      return { cpu: { some: cpu['some'] }, memory, io, ...(irq && { irq }) };
    },
  };
}

/** Undefined if there is nothing of the kind. */
function parse(text = ''): Record<string, Waits> | undefined {
  const lines = [...text.matchAll(LINE)].map(([, kind, avg10, avg60, avg300, microseconds]) => [
    kind!,
    {
      avg10: Number(avg10),
      avg60: Number(avg60),
      avg300: Number(avg300),
      total: Number(microseconds) / 1e6,
    },
  ]);
  return lines.length > 0 ? (Object.fromEntries(lines) as Record<string, Waits>) : undefined;
}
