import { readFileSync } from 'node:fs';

/** Bound on the heap of a module, in MiB. */
export const HEAP_MIB = 128;
/** Bound on all memory that a module can write to beyond what Node has when it has started, in MiB. */
const DATA_MIB = 256;

/** Bounds what a process can allocate from now on, where the system can do that. */
export async function boundMemory(pid: number): Promise<void> {
  try {
    const { limitData } = await import('../../linux/process-calls.ts');
    const [, kib] = /^VmData:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    if (kib) limitData(pid, Number(kib) * 1024 + DATA_MIB * 1024 * 1024);
  } catch {
    // Not Linux, or no koffi here: the heap is bounded nevertheless.
  }
}

/** What to add to an error if a module's process has ended for lack of memory, by what V8 wrote to stderr. */
export function outOfMemory(stderr: string): string {
  return stderr.includes('out of memory')
    ? `: out of memory (limits: ${HEAP_MIB} MiB of heap, ${DATA_MIB} MiB in all)`
    : '';
}
