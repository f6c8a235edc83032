import { useIfSupported } from '../../linux/if-supported.ts';
import type * as directProcesses from './direct-process.ts';
import { startByNode } from './node-process.ts';
import type { Program, StartedProcess } from './started-process.ts';

/** Starts them by libc; absent where libc cannot be called. */
let direct: typeof directProcesses | undefined;
let loading: Promise<void> | undefined;

/**
 * Starts a process.
 * @throws if it cannot be started, or `signal` aborts while it waits for others to be started.
 */
export async function startProcess(program: Program, signal: AbortSignal): Promise<StartedProcess> {
  loading ??= useIfSupported(
    () => import('./direct-process.ts'),
    (part) => (direct = part),
  );
  await loading;
  signal.throwIfAborted();
  return direct ? await direct.startDirectly(program, signal) : await startByNode(program);
}

/** Reports whether a process is being started that nobody knows yet. Does not need the event loop. */
export function isAnyStarting(): boolean {
  return direct?.isStarting() ?? false;
}
