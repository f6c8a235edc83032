import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long one call works in one turn of the event loop, in milliseconds. */
const TURN_MS = 5;

/** Does something for each item, in as many turns of the event loop as it takes. */
export async function inTurns<T>(items: Iterable<T>, work: (item: T) => unknown): Promise<void> {
  let until = performance.now() + TURN_MS;
  for (const item of items) {
    work(item);
    if (performance.now() < until) continue;
    await nextTurn();
    until = performance.now() + TURN_MS;
  }
}
