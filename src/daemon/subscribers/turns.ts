import type { User } from './user.ts';

/** Work of clients in one turn of the event loop: of one user, and of all, in milliseconds. Ticks wait no longer. */
const USER_MS = 1;
const ALL_MS = 2;
/** Clients of one user that are read from again in one turn: each may have 64 KiB for us. */
const RESUMED = 4;
/** What is read from the clients of one user in one turn, and of what they missed sent to them, in bytes. */
const USER_BYTES = 262_144;

/** A client that has something to be done. */
export interface Worker {
  /** Its work may change it, once: then the rest of the work is the other user's. */
  readonly user: User;
  /**
   * Does one piece of it: a request, or a part of a large one.
   * @returns whether more can be done now.
   */
  work(): boolean;
  /** True in the middle of a request, which takes memory until it is done. */
  readonly isBusy: boolean;
}

/** The clients of one user that wait for their turn, and what has been spent on them. */
interface Share {
  waiting: Set<Worker>;
  /** The one in the middle of a request: others begin none before. */
  busy: Worker | undefined;
  spentMs: number;
  resumed: number;
  bytes: number;
}

/**
 * Shares the event loop: in each of its turns, every user gets as much time for its clients' requests as any other,
 * and all together get so little that the ticks come on time. What is too much waits for the next turn, as it came.
 */
export class Turns {
  readonly #shares = new Map<User, Share>();
  readonly #flush: () => void;
  #spentMs = 0;
  #scheduled = false;
  #working = false;

  /** @param flush Sends what waits to be sent: called around the work, so that messages do not wait for it. */
  constructor(flush: () => void) {
    this.#flush = flush;
  }

  /** Has a client's work done: now, as long as there is time in this turn, else in a later one. */
  add(worker: Worker): void {
    const share = this.#shareOf(worker.user);
    if (worker !== share.busy) share.waiting.add(worker);
    if (this.#working) return;
    this.#working = true;
    this.#serve(worker.user, share);
    this.#working = false;
  }

  /** Counts what has come from a client. If it may not be read from any more in this turn, its work is to go on. */
  mayRead(worker: Worker, bytes: number): boolean {
    const share = this.#shareOf(worker.user);
    share.bytes += bytes;
    if (share.bytes < USER_BYTES) return true;
    if (worker !== share.busy) share.waiting.add(worker);
    return false;
  }

  /** Counts what the work of a client has sent. */
  moved(user: User, bytes: number): void {
    this.#shareOf(user).bytes += bytes;
  }

  /** Reports whether a client of this user may be read from again in this turn, and counts it. */
  mayResume(user: User): boolean {
    const share = this.#shares.get(user);
    return share === undefined || ++share.resumed <= RESUMED;
  }

  /** What a user has had of this turn. */
  #shareOf(user: User): Share {
    let share = this.#shares.get(user);
    if (!share) this.#shares.set(user, (share = newShare()));
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(this.#nextTurn);
    }
    return share;
  }

  readonly #nextTurn = (): void => {
    this.#flush();
    this.#spentMs = 0;
    this.#working = true;
    const shares = [...this.#shares]; // Those that are not done come back, behind the others.
    for (const [user, share] of shares) {
      share.spentMs = share.resumed = share.bytes = 0;
      this.#serve(user, share);
      this.#shares.delete(user);
      if (hasWork(share) || share.spentMs > 0) this.#shares.set(user, share);
      if (this.#spentMs >= ALL_MS) break;
    }
    this.#working = false;
    this.#scheduled = this.#shares.size > 0;
    if (this.#scheduled) setImmediate(this.#nextTurn);
    this.#flush();
  };

  #serve(user: User, share: Share): void {
    let before = performance.now();
    while (hasWork(share) && hasTime(share) && this.#spentMs < ALL_MS) {
      const worker = share.busy ?? first(share.waiting);
      share.waiting.delete(worker);
      const more = worker.work();
      const isOurs = worker.user === user;
      share.busy = more && isOurs && worker.isBusy ? worker : undefined;
      if (more && !share.busy) (isOurs ? share : this.#shareOf(worker.user)).waiting.add(worker); // Behind the user's others.
      const now = performance.now();
      share.spentMs += now - before;
      this.#spentMs += now - before;
      before = now;
    }
  }
}

function newShare(): Share {
  return { waiting: new Set(), busy: undefined, spentMs: 0, resumed: 0, bytes: 0 };
}

function hasWork({ busy, waiting }: Share): boolean {
  return busy !== undefined || waiting.size > 0;
}

function hasTime({ spentMs, bytes }: Share): boolean {
  return spentMs < USER_MS && bytes < USER_BYTES;
}

function first(workers: Iterable<Worker>): Worker {
  const [worker] = workers;
  return worker!;
}
