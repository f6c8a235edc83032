import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';

import { messageOf } from '../../errors.ts';
import { Turn } from '../../in-turns.ts';
import type { Source } from '../source.ts';
import type { ProcessStat } from './process-stat.ts';
import { assertAllVisible, hidden } from './process-visibility.ts';
import type { Roots } from './roots.ts';
import { StatFiles } from './stat-files.ts';

/** With more processes a sample fails: it would take more than 0.1 s of CPU. */
const MAX_PROCESSES = 10_000;
/** After this time, in milliseconds, the rest of a sample waits for the next iteration of the event loop. */
const TURN_MS = 1;
/** Memory of a process that the kernel takes back in no time, in bytes, see `readApart`. */
const SMALL_BYTES = 16 * 1024 * 1024;
/** How many processes are named. */
const TOP = 5;
/** Types of the values in /proc/PID/auxv. */
const AT_PAGESZ = 6n;
const AT_CLKTCK = 17n;

interface States {
  running: number;
  sleeping: number;
  /** In the kernel, not to be interrupted. */
  waiting: number;
  stopped: number;
  zombie: number;
  idle: number;
  other: number;
}

/** The states by their letters in /proc/PID/stat. */
const stateNames: Readonly<Record<string, keyof States>> = {
  R: 'running',
  S: 'sleeping',
  D: 'waiting',
  T: 'stopped',
  t: 'stopped',
  Z: 'zombie',
  I: 'idle',
};

/** A process at its last sample. */
interface Earlier {
  at: number;
  cpuTicks: number;
  startTicks: number;
  pages: number;
}

interface Usage {
  pid: number;
  name: string;
  /** Share of one core since the last sample; null at the first. */
  cpu: number | null;
  /** Resident, in bytes. */
  memory: number;
}

/** Counts the processes by state, and names those that use the most CPU and the most memory. */
export function processesSource({ proc }: Roots, limit = MAX_PROCESSES): Source {
  const files = new StatFiles(proc);
  let last: { at: number; processes: Map<string, Earlier> } | undefined;
  let watched: AbortSignal | undefined;
  let constants: { pageBytes: number; ticksPerSecond: number } | undefined;

  function forget(): void {
    files.closeAll();
    last = undefined;
  }

  async function take(signal: AbortSignal): Promise<object> {
    const pids = (await readdir(proc)).filter((name) => /^\d+$/.test(name));
    signal.throwIfAborted();
    if (!last || !pids.includes('1')) assertAllVisible(proc);
    if (pids.length > limit) throw new Error(`too many processes to read: ${pids.length}, limit ${limit}`);
    const { pageBytes, ticksPerSecond } = (constants ??= readConstants(proc));
    const states: States = { running: 0, sleeping: 0, waiting: 0, stopped: 0, zombie: 0, idle: 0, other: 0 };
    const now = { at: performance.now(), processes: new Map<string, Earlier>() };
    const all: Usage[] = [];
    let threads = 0;
    const turn = new Turn(TURN_MS);
    for (const pid of pids) {
      const at = performance.now();
      if (turn.isOver) {
        await turn.next();
        signal.throwIfAborted();
      }
      const isSmall = (last?.processes.get(pid)?.pages ?? Infinity) * pageBytes < SMALL_BYTES;
      const stat = isSmall ? files.read(pid) : await files.readApart(pid, signal);
      if (!isSmall) {
        signal.throwIfAborted();
        turn.renew();
      }
      if (!stat) continue;
      states[stateNames[stat.state] ?? 'other']++;
      threads += stat.threads;
      const { name, cpuTicks, startTicks, pages } = stat;
      now.processes.set(pid, { at, cpuTicks, startTicks, pages });
      const cpu = last && cpuSince(last, stat, last.processes.get(pid), at) / ticksPerSecond;
      all.push({ pid: Number(pid), name, cpu: cpu ?? null, memory: pages * pageBytes });
    }
    files.closeOthers(now.processes);
    const isFirst = last === undefined;
    last = now;
    return {
      total: all.length,
      states,
      threads,
      topCpu: isFirst ? null : highest(all, 'cpu'),
      topMemory: highest(all, 'memory'),
    };
  }

  return {
    async sample(signal) {
      if (signal !== watched) signal.addEventListener('abort', forget, { once: true });
      watched = signal;
      try {
        return await take(signal);
      } catch (error) {
        forget();
        const { code } = error as NodeJS.ErrnoException;
        throw code === 'EPERM' || code === 'EACCES' ? hidden(messageOf(error)) : error;
      }
    },
  };
}

/** In clock ticks a second. A process that is new has used all of its time since the last sample. */
function cpuSince(last: { at: number }, stat: ProcessStat, earlier: Earlier | undefined, at: number): number {
  const isSame = earlier?.startTicks === stat.startTicks;
  const since = isSame ? earlier : { at: last.at, cpuTicks: 0 };
  return ((stat.cpuTicks - since.cpuTicks) * 1000) / (at - since.at);
}

/** The highest few above 0, highest first. */
function highest(all: readonly Usage[], key: 'cpu' | 'memory'): Usage[] {
  let top: Usage[] = [];
  for (const usage of all) {
    if ((usage[key] ?? 0) <= (top[TOP - 1]?.[key] ?? 0)) continue;
    top = [...top, usage].toSorted((a, b) => b[key]! - a[key]!).slice(0, TOP);
  }
  return top.map((usage) => ({ ...usage, cpu: usage.cpu && Math.round(usage.cpu * 1000) / 1000 }));
}

/** From the values that the kernel gives each program: pairs of 64 bits. */
function readConstants(proc: string): { pageBytes: number; ticksPerSecond: number } {
  const bytes = Uint8Array.from(readFileSync(`${proc}/self/auxv`));
  const values = new BigUint64Array(bytes.buffer);
  const value = (type: bigint): number => {
    for (let at = 0; at < values.length; at += 2) if (values[at] === type) return Number(values[at + 1]);
    throw new Error(`${proc}/self/auxv does not have the value ${type}`);
  };
  return { pageBytes: value(AT_PAGESZ), ticksPerSecond: value(AT_CLKTCK) };
}
