import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long one call works in one turn of the event loop, in milliseconds. */
const TURN_MS = 5;

/** Has long work leave the event loop its turns. */
export class Turn {
  readonly #ms: number;
  #until: number;

  /** @param ms Longest time that the work takes in one turn. */
  constructor(ms: number) {
    this.#ms = ms;
    this.#until = performance.now() + ms;
  }

  /** Reports whether the work has had its time. */
  get isOver(): boolean {
    return performance.now() >= this.#until;
  }

  /** Waits for the next turn. */
  async next(): Promise<void> {
    await nextTurn();
    this.renew();
  }

  /** The work has waited for something else. */
  renew(): void {
    this.#until = performance.now() + this.#ms;
  }
}

/** Does something for each item, in as many turns of the event loop as it takes. */
export async function inTurns<T>(
  items: Iterable<T>,
  work: (item: T) => unknown,
  turnMs = TURN_MS,
): Promise<void> {
  const turn = new Turn(turnMs);
  for (const item of items) {
    work(item);
    if (turn.isOver) await turn.next();
  }
}
