import type { Totals } from '../protocol/status-snapshot.ts';

/** Counts from zero on. They only grow: who leaves, and what a reload changes or removes, takes nothing back. */
export function newTotals(): Totals {
  return { connections: 0, messages: 0, sent: 0, skipped: 0, failures: 0, skippedTicks: 0, omitted: 0 };
}
