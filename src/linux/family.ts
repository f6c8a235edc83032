/** The children of this process, as /proc shows them. Without /proc, or a kernel that lists children, there are none. */
import { readFileSync, readdirSync } from 'node:fs';

/** Marks are larger than any bound that an administrator sets, and exact as a JavaScript number. */
const MARKS = { from: 2 ** 40, to: 2 ** 47 };

/** It keeps no secret: loading `node:crypto` for it would take 5 % of our start. */
export const newMark = (): string => String(MARKS.from + Math.floor(Math.random() * (MARKS.to - MARKS.from)));

/**
 * A shell command that marks its process and all that descend from it: a number as the bound on file locks, which
 * Linux keeps but does not enforce. A new session, another program and an empty environment do not remove it.
 */
export const markCommand = (mark: string): string =>
  `ulimit -w ${mark} 2>/dev/null || ulimit -x ${mark} 2>/dev/null`;

/** See `markCommand`: undefined for a process that has no mark. */
export function markOf(pid: number): string | undefined {
  const [, mark] = /^Max file locks +\d+ +(\d+)/m.exec(read(`/proc/${pid}/limits`)) ?? [];
  return Number(mark) >= MARKS.from && Number(mark) < MARKS.to ? mark : undefined;
}

/** The children that a thread has started. The main thread also has the orphans that this process has adopted. */
export function childrenOf(thread: number): number[] {
  return read(`/proc/self/task/${thread}/children`).split(' ').filter(Boolean).map(Number);
}

/**
 * The processes of sources that run. One that was just started has no mark yet; but what another thread than the main one
 * has started, spawn.ts has.
 */
export function sourceProcesses(): number[] {
  try {
    const threads = readdirSync('/proc/self/task').map(Number);
    return threads
      .flatMap((thread) =>
        childrenOf(thread).filter((pid) => thread !== process.pid || markOf(pid) !== undefined),
      )
      .filter((pid) => /^\d+ \(.*\) [^ZX]/s.test(read(`/proc/${pid}/stat`)));
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8'); // Ten times as fast as other encodings.
  } catch {
    return ''; // It has ended meanwhile.
  }
}
