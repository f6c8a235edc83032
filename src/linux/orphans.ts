import { setImmediate } from 'node:timers/promises';

import { childrenOf } from './family.ts';
import { adoptOrphans, hasEnded, reap } from './process-calls.ts';

/** How long a child may wait to be reaped by whoever has started it, in milliseconds. Node does so at once. */
const REAP_AFTER_MS = 1000;
/** How many processes are looked at in one turn of the event loop. A command may leave many. */
const PER_TURN = 20;

/**
 * From now on, processes that a command leaves behind become our children, so that they can be found; those that have
 * ended are removed from the process table. As pid 1 of a container, it does so for every process.
 */
export function keepOrphans(): void {
  adoptOrphans();
  let timer: NodeJS.Timeout | undefined;
  let earlier = new Set<number>();
  const look = async (): Promise<void> => {
    timer = undefined;
    const ended: number[] = [];
    for await (const child of adoptedChildren()) if (child.ended) ended.push(child.pid);
    // Those that had ended a second ago have nobody else to reap them.
    for (const pid of ended) if (earlier.has(pid)) reap(pid);
    earlier = new Set(ended.filter((pid) => !earlier.has(pid)));
    if (earlier.size > 0) schedule();
  };
  const schedule = (): void => void (timer ??= setTimeout(() => void look(), REAP_AFTER_MS).unref());
  process.on('SIGCHLD', schedule);
  schedule();
}

/** The children that Node has started, and the orphans that this process has adopted. */
export async function* adoptedChildren(): AsyncGenerator<{ pid: number; ended: boolean }> {
  for (const [index, pid] of childrenOf(process.pid).entries()) {
    if (index % PER_TURN === PER_TURN - 1) await setImmediate();
    yield { pid, ended: hasEnded(pid) };
  }
}
