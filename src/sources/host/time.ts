import { readlink } from 'node:fs/promises';
import { join } from 'node:path';

import { systemCode } from '../../errors.ts';
import { readClock } from '../../linux/clock.ts';
import type { ClockReading } from '../../linux/clock.ts';
import type { Source } from '../source.ts';
import type { Roots } from './roots.ts';

/** How well the machine's clock is set, and its time zone. */
export function timeSource({ root }: Roots): Source {
  return {
    async sample() {
      const { synchronised, offsetMs, maxErrorMs } = quality();
      // The kernel counts on without meaning when nothing sets the clock.
      return {
        synchronised,
        offsetMs: synchronised ? offsetMs : null,
        maxErrorMs: synchronised ? maxErrorMs : null,
        zone: await readZone(root),
      };
    },
  };
}

function quality(): ClockReading {
  try {
    return readClock();
  } catch (error) {
    if (systemCode(error) !== 'EPERM') throw error;
    throw new Error(
      'a sandbox forbids adjtimex(2), which tells how well the clock is set; in a systemd unit, remove ProtectClock=yes and add SystemCallFilter=adjtimex clock_adjtime',
      { cause: error },
    );
  }
}

/** The target of /etc/localtime; null if that is no link, and `UTC` if there is none, as localtime(5) says. */
async function readZone(root: string): Promise<string | null> {
  try {
    const target = await readlink(join(root, 'etc/localtime'));
    return /\/zoneinfo\/(?:posix\/|right\/)?(.+)$/.exec(target)?.[1] ?? null;
  } catch (error) {
    return systemCode(error) === 'ENOENT' ? 'UTC' : null;
  }
}
