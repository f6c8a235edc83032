import type { EventLoopStatus, Totals } from '../protocol/status-snapshot.ts';
import type { Scheduler } from './schedule/scheduler.ts';
import type { TopicSet } from './topics/topic-set.ts';

/** Signs of life. */
export interface Health {
  clients: number;
  topics: number;
  awake: number;
  /** Messages numbered so far, over all topics. */
  messages: number;
  /** How long the most overdue tick should have come by now, in milliseconds. */
  overdueMs: number;
  /** Topics whose source fails. */
  failing: number;
}

/** Takes the signs of life. */
export function takeHealth(
  clients: number,
  topics: TopicSet,
  { overdueMs }: Scheduler,
  { messages }: Totals,
): Health {
  const all = [...topics];
  return {
    clients,
    topics: all.length,
    awake: all.filter(({ awake }) => awake).length,
    messages,
    overdueMs,
    failing: all.filter(({ health }) => health.failing > 0).length,
  };
}

/** What the event loop has done, and how late it is. */
export function eventLoopStatus({ lagMs }: Scheduler): EventLoopStatus {
  const { active, idle } = performance.eventLoopUtilization();
  return { activeMs: tenths(active), idleMs: tenths(idle), lagMs: tenths(lagMs) };
}

function tenths(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
