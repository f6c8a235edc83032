import { cpus } from 'node:os';

import type { Source } from '../source.ts';

/** Share of all cores' time spent busy since the last sample, 0 to 1; since boot for the first. */
export function cpuSource(): Source {
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
