import { closeSync, openSync, read as readFile, readSync } from 'node:fs';
import { promisify } from 'node:util';

import { threadReads } from '../thread-reads.ts';
import { parseStat } from './process-stat.ts';
import type { ProcessStat } from './process-stat.ts';

/** Files that stay open between two samples. */
const MAX_OPEN = 256;
/** Larger than any /proc/PID/stat: an escaped name of at most 64 bytes, and 51 numbers. */
const STAT_BYTES = 2048;
const bytes = Buffer.allocUnsafe(STAT_BYTES);
const readInThread = promisify(readFile);

/** Reads /proc/PID/stat. The files stay open, up to a limit: reading an open one takes a third of the CPU. */
export class StatFiles {
  readonly #proc: string;
  readonly #open = new Map<string, number>();

  constructor(proc: string) {
    this.#proc = proc;
  }

  /** @returns undefined if the process has ended. @throws `EPERM` or `EACCES` if the kernel hides it. */
  read(pid: string): ProcessStat | undefined {
    const open = this.#open.get(pid);
    try {
      if (open !== undefined) return parse(open);
    } catch (error) {
      if (!hasEnded(error)) throw error;
      this.#close(pid, open!); // Another process may have its pid now.
    }
    try {
      return this.#readNew(pid);
    } catch (error) {
      if (hasEnded(error)) return undefined;
      throw error;
    }
  }

  /**
   * The same in another thread, at some times the CPU. Whoever reads of a process while it ends can be the one who gives its
   * memory back, which takes the kernel 0.3 s for 256 MiB on a busy machine.
   */
  async readApart(pid: string, signal: AbortSignal): Promise<ProcessStat | undefined> {
    let fd = this.#open.get(pid);
    try {
      if (fd !== undefined) return await parseApart(fd, signal);
    } catch (error) {
      if (!hasEnded(error)) throw error;
      if (this.#open.get(pid) === fd) this.#close(pid, fd!);
    }
    try {
      fd = openSync(`${this.#proc}/${pid}/stat`, 'r');
      const isKept = this.#open.size < MAX_OPEN;
      if (isKept) this.#open.set(pid, fd);
      try {
        return await parseApart(fd, signal);
      } finally {
        if (!isKept) closeSync(fd);
      }
    } catch (error) {
      if (hasEnded(error)) return undefined;
      throw error;
    }
  }

  /** Closes the files of processes that are not listed any more. */
  closeOthers(pids: { has(pid: string): boolean }): void {
    for (const [pid, fd] of this.#open) if (!pids.has(pid)) this.#close(pid, fd);
  }

  closeAll(): void {
    for (const [pid, fd] of this.#open) this.#close(pid, fd);
  }

  #readNew(pid: string): ProcessStat {
    const fd = openSync(`${this.#proc}/${pid}/stat`, 'r');
    let stat: ProcessStat | undefined;
    try {
      stat = parse(fd);
      return stat;
    } finally {
      if (stat && this.#open.size < MAX_OPEN) this.#open.set(pid, fd);
      else closeSync(fd);
    }
  }

  #close(pid: string, fd: number): void {
    this.#open.delete(pid);
    closeSync(fd);
  }
}

function parse(fd: number): ProcessStat {
  return parseStat(bytes, readSync(fd, bytes, 0, STAT_BYTES, 0));
}

/** By position, as pread(2): should the file be closed meanwhile, nothing is taken from what has its number then. */
async function parseApart(fd: number, signal: AbortSignal): Promise<ProcessStat> {
  await threadReads.take(signal);
  try {
    const { buffer, bytesRead } = await readInThread(fd, Buffer.allocUnsafe(STAT_BYTES), 0, STAT_BYTES, 0);
    return parseStat(buffer, bytesRead);
  } finally {
    threadReads.give();
  }
}

function hasEnded(error: unknown): boolean {
  return ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '');
}
