/** What processes and all that they start use. It needs no root, unlike a cgroup. */
import { readFileSync, readdirSync } from 'node:fs';

import { contextSwitches, cpuMicroseconds } from '../helpers/proc.ts';

/** The kernel counts the time of children that have ended in hundredths of a second (USER_HZ). */
const TICK_MICROSECONDS = 10_000;

export interface Usage {
  /** Time on a CPU, of processes that have ended, too. */
  cpuMicroseconds: number;
  /** How often a thread of a process that still runs had to be woken. */
  wakeUps: number;
}

export function usage(roots: readonly number[]): Usage {
  return {
    cpuMicroseconds: sum(roots, (pid) => cpuMicroseconds(pid) + endedChildrenMicroseconds(pid)),
    wakeUps: sum(roots, contextSwitches),
  };
}

/** Memory, with each shared page divided among the processes that share it. */
export function proportionalKiB(roots: readonly number[]): number {
  return sum(roots, (pid) =>
    Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0),
  );
}

function endedChildrenMicroseconds(pid: number): number {
  // The name, in parentheses, may contain spaces. The fields cutime and cstime are the 14th and 15th after it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
  return (Number(fields[13]) + Number(fields[14])) * TICK_MICROSECONDS;
}

function sum(roots: readonly number[], read: (pid: number) => number): number {
  return roots.flatMap(tree).reduce((total, pid) => total + (ifAlive(() => read(pid)) ?? 0), 0);
}

/** A process and its descendants. */
export function tree(pid: number): number[] {
  const threads = ifAlive(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  const children = threads.flatMap((thread) =>
    (ifAlive(() => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')) ?? '').split(' '),
  );
  return [pid, ...children.filter((child) => child !== '').flatMap((child) => tree(Number(child)))];
}

/** Undefined if the process has ended meanwhile, as commands do. */
function ifAlive<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
