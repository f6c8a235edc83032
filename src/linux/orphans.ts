import { children } from './family.ts';
import { adoptOrphans, reap } from './process-calls.ts';

/** How long a child may wait to be reaped by whoever has started it, in milliseconds. Node does so at once. */
const REAP_AFTER_MS = 1000;

/**
 * From now on, processes that a command leaves behind become our children, so that they can be found; those that have
 * ended are removed from the process table. As pid 1 of a container, it does so for every process.
 */
export function keepOrphans(): void {
  adoptOrphans();
  let timer: NodeJS.Timeout | undefined;
  let earlier = new Set<number>();
  const look = (): void => {
    timer = undefined;
    const ended = children('main').flatMap((child) => (child.ended ? [child.pid] : []));
    // Those that had ended a second ago have nobody else to reap them.
    for (const pid of ended) if (earlier.has(pid)) reap(pid);
    earlier = new Set(ended.filter((pid) => !earlier.has(pid)));
    if (earlier.size > 0) schedule();
  };
  const schedule = (): void => void (timer ??= setTimeout(look, REAP_AFTER_MS).unref());
  process.on('SIGCHLD', schedule);
  schedule();
}
