/** What the kernel knows of a process. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';

/** Time on a CPU, in microseconds, of all threads that live. */
export function cpuMicroseconds(pid: number): number {
  return sumOfThreads(
    pid,
    (thread) => Number(readFileSync(`${thread}/schedstat`, 'utf8').split(' ')[0]) / 1000,
  );
}

/** How often its threads stopped running: each time, something has to wake them again. */
export function contextSwitches(pid: number): number {
  return sumOfThreads(pid, (thread) =>
    [...readFileSync(`${thread}/status`, 'utf8').matchAll(/ctxt_switches:\s+(\d+)/g)]
      .map(([, count]) => Number(count))
      .reduce((one, other) => one + other),
  );
}

/** Resident memory of a process. */
export function residentKiB(pid: number): number {
  return statusKiB(pid, 'VmRSS');
}

/** The most resident memory that a process has had since it started, or since `resetPeak`. */
export function peakResidentKiB(pid: number): number {
  return statusKiB(pid, 'VmHWM');
}

export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** Reports whether a process stands still, by SIGSTOP. */
export function isStopped(pid: number): boolean {
  return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

function statusKiB(pid: number, field: string): number {
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}

function sumOfThreads(pid: number, read: (directory: string) => number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.map((thread) => read(`/proc/${pid}/task/${thread}`)).reduce((one, other) => one + other, 0);
}
