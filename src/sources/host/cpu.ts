import { join } from 'node:path';

import type { Source } from '../source.ts';
import { numbersIn, readKernelFile } from './kernel-file.ts';
import type { Roots } from './roots.ts';

/** What the time of the cores is spent on. */
interface Times {
  user: number;
  nice: number;
  system: number;
  idle: number;
  iowait: number;
  irq: number;
  softirq: number;
  steal: number;
  guest: number;
}

/**
 * Shares of the cores' time since the last sample, 0 to 1; since boot for the first. Null where no time has passed: the
 * kernel counts in steps of 10 ms.
 */
export function cpuSource({ proc }: Roots): Source {
  const path = join(proc, 'stat');
  let last = new Map<string, Times>();
  return {
    sample() {
      const now = readTimes(path);
      const isFirst = last.size === 0;
      // The time of a core that was offline at the last sample is not known since then.
      const spent = (name: string): Times | null => {
        const times = now.get(name);
        const before = last.get(name);
        return times && (before || isFirst) ? shares(times, before) : null;
      };
      const states = spent('');
      const cores = Array.from({ length: coresOf(now) }, (_, core) => busy(spent(String(core))));
      last = now;
      return { busy: busy(states), states: states && rounded(states), cores };
    },
  };
}

/** Times since boot by the number of the core; '' for all cores together. */
function readTimes(path: string): Map<string, Times> {
  const lines = readKernelFile(path).matchAll(/^cpu(\d*) +(.*)$/gm);
  const times = new Map([...lines].map(([, core, fields]) => [core!, timesOf(numbersIn(fields!, 4, path))]));
  if (!times.has('')) throw new Error(`cannot read ${path}: it has no line for all CPUs`);
  return times;
}

/** Fields that an old kernel does not have are 0. */
function timesOf(fields: number[]): Times {
  const [user, nice, system, idle, iowait, irq, softirq, steal, guest, guestNice] = Array.from(
    { length: 10 },
    (_, index) => fields[index] ?? 0,
  ) as [number, number, number, number, number, number, number, number, number, number];
  // The kernel counts the time of virtual machines as user time as well.
  return {
    user: user - guest,
    nice: nice - guestNice,
    system,
    idle,
    iowait,
    irq,
    softirq,
    steal,
    guest: guest + guestNice,
  };
}

/** Null if no time has passed. */
function shares(now: Times, last: Times | undefined): Times | null {
  const spent = { ...now };
  let all = 0;
  for (const state of Object.keys(now) as (keyof Times)[]) {
    // iowait and idle can fall by a little, see proc_stat(5).
    spent[state] = Math.max(now[state] - (last?.[state] ?? 0), 0);
    all += spent[state];
  }
  if (all === 0) return null;
  for (const state of Object.keys(now) as (keyof Times)[]) spent[state] /= all;
  return spent;
}

/** One more than the highest number of a core. */
function coresOf(times: Map<string, Times>): number {
  return 1 + Math.max(-1, ...[...times.keys()].filter(Boolean).map(Number));
}

function busy(states: Times | null): number | null {
  return states && round(1 - states.idle - states.iowait);
}

function rounded(states: Times): Times {
  return Object.fromEntries(
    Object.entries(states).map(([state, share]) => [state, round(share)]),
  ) as unknown as Times;
}

/** To 0.001, and never -0. */
function round(share: number): number {
  return Math.round(Math.max(share, 0) * 1000) / 1000;
}
