import { join } from 'node:path';

import type { Source } from '../source.ts';
import { numbersIn, readKernelFile, readKernelFileIfAny } from './kernel-file.ts';
import type { Roots } from './roots.ts';

/** Open files of the whole machine, and the limits of inotify. */
export function openFilesSource({ proc }: Roots): Source {
  const fs = join(proc, 'sys/fs');
  return {
    sample() {
      const numbers = (name: string, count: number): number[] => {
        const path = join(fs, name);
        return numbersIn(readKernelFile(path), count, path);
      };
      const [allocated, unused, most] = numbers('file-nr', 3) as [number, number, number];
      const [inodes, freeInodes] = numbers('inode-nr', 2) as [number, number];
      return {
        open: allocated - unused,
        // systemd sets the largest number that the kernel has, which JSON cannot carry exactly: no limit.
        max: most <= Number.MAX_SAFE_INTEGER ? most : null,
        inodes: inodes - freeInodes,
        inotify: {
          maxWatches: limit(fs, 'max_user_watches'),
          maxInstances: limit(fs, 'max_user_instances'),
          maxQueuedEvents: limit(fs, 'max_queued_events'),
        },
      };
    },
  };
}

/** Null where the kernel has no inotify. */
function limit(fs: string, name: string): number | null {
  const text = readKernelFileIfAny(join(fs, 'inotify', name));
  return text === undefined ? null : Number(text);
}
