/** The children of this process, as /proc shows them. Without /proc, or a kernel that lists children, there are none. */
import { readFileSync, readdirSync } from 'node:fs';

/** A process that was started by this one, or whose parents have ended. What it tells is read when it is asked for. */
export class Relative {
  readonly pid: number;

  constructor(pid: number) {
    this.pid = pid;
  }

  /** It has ended, and waits to be reaped. */
  get ended(): boolean {
    return !/^\d+ \(.*\) [^ZX]/s.test(read(`/proc/${this.pid}/stat`));
  }

  /** See `markCommand`: undefined for a process that was started without a mark. */
  get mark(): string | undefined {
    return /^Max file locks +\d+ +(\d+)/m.exec(read(`/proc/${this.pid}/limits`))?.[1];
  }
}

/** Marks are larger than any bound that an administrator sets, and exact as a JavaScript number. */
const MARKS = { from: 2 ** 40, to: 2 ** 47 };

/** It keeps no secret: loading `node:crypto` for it would take 5 % of our start. */
export const newMark = (): string => String(MARKS.from + Math.floor(Math.random() * (MARKS.to - MARKS.from)));

export function isMark(mark: string | undefined): boolean {
  return Number(mark) >= MARKS.from && Number(mark) < MARKS.to;
}

/**
 * A shell command that marks its process and all that descend from it: a number as the bound on file locks, which
 * Linux keeps but does not enforce. A new session, another program and an empty environment do not remove it.
 */
export const markCommand = (mark: string): string =>
  `ulimit -w ${mark} 2>/dev/null || ulimit -x ${mark} 2>/dev/null`;

/** The children of the main thread, which has the orphans that this process has adopted, or those of all threads. */
export function children(threads: 'main' | 'all'): Relative[] {
  try {
    const ids = threads === 'main' ? [process.pid] : readdirSync('/proc/self/task');
    return ids.flatMap((id) => childrenOf(id)).map((pid) => new Relative(pid));
  } catch {
    return [];
  }
}

function childrenOf(thread: number | string): number[] {
  return read(`/proc/self/task/${thread}/children`).split(' ').filter(Boolean).map(Number);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // It has ended meanwhile.
  }
}
