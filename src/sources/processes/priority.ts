import { getPriority, setPriority } from 'node:os';

/** How much lower the priority of a process is than ours, see nice(2). */
const NICER = 10;

/**
 * A shell command by which its session yields to the ticks: many kernels share the CPU among sessions before they look at
 * the priority of a process, see sched(7). The process does it by itself, so that it yields from the start.
 */
export const yieldCommand = `{ echo ${NICER} > /proc/self/autogroup; } 2>/dev/null`;

/** Has a process yield to the ticks: one that uses all of the CPU must not delay them. */
export function yieldToTicks(pid: number): void {
  try {
    setPriority(pid, getPriority(process.pid) + NICER);
  } catch {
    // It has ended already, or a sandbox refuses it.
  }
}
