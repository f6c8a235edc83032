import type { Config } from '../../config/config.ts';
import type { EventLog } from '../../log-events.ts';
import { BoundedLog } from './bounded-log.ts';
import { User } from './user.ts';

/** How often users that have left are forgotten, in milliseconds. */
const FORGET_MS = 10_000;

/** When a budget is used up, so much of it is kept: freeing a little more than needed makes the next time rare. */
const KEPT = 0.75;

/**
 * All users, and the memory that their clients hold: bounded for each, and for all together. Whoever holds most is let
 * go first.
 */
export class Users {
  readonly #users = new Map<number | undefined, User>();
  readonly #limits: () => Config['clients'];
  readonly #logger: EventLog;
  readonly #allLines = BoundedLog.forAll();
  #heldBytes = 0;
  #forgetting: NodeJS.Timeout | undefined;

  /** @param limits The settings; a reload may change them. */
  constructor(limits: () => Config['clients'], logger: EventLog) {
    this.#limits = limits;
    this.#logger = logger;
  }

  of(uid: number | undefined): User {
    const known = this.#users.get(uid);
    if (known) return known;
    const user = new User(uid, this.#limits, this.#logger, this.#allLines);
    this.#users.set(uid, user);
    this.#forgetting ??= setInterval(() => this.#forget(), FORGET_MS).unref();
    return user;
  }

  /** The user with the most connections, of those that are neither root nor the daemon's user. */
  get mostConnected(): User | undefined {
    return largest(this.#users.values(), ({ clients, isPrivileged }) => (isPrivileged ? -1 : clients.size));
  }

  /** A client holds so many bytes more than before, or fewer. */
  charge(user: User, bytes: number): void {
    user.heldBytes += bytes;
    this.#heldBytes += bytes;
    if (bytes <= 0) return;
    const { memory, memoryPerUser } = this.#limits();
    if (user.heldBytes > memoryPerUser) {
      const message = `the clients of this user together hold more than ${memoryPerUser} bytes (clients.memoryPerUser)`;
      this.#relieve(user, memoryPerUser, message);
    }
    if (this.#heldBytes > memory) {
      const most = largest(this.#users.values(), ({ heldBytes }) => heldBytes)!;
      const message = `all clients together hold more than ${memory} bytes (clients.memory)`;
      this.#relieve(most, most.heldBytes - (this.#heldBytes - memory), message);
    }
  }

  close(): void {
    clearInterval(this.#forgetting);
    for (const { log } of this.#users.values()) log.close();
  }

  /** Lets go of those of a user's clients that hold most, until well below the limit. */
  #relieve(user: User, limit: number, why: string): void {
    for (const client of user.clients) client.recount(); // Much may have been read meanwhile.
    if (user.heldBytes <= limit) return;
    const message = `${why}, and this one holds most; read faster, or send less at a time`;
    for (const client of [...user.clients].toSorted((one, other) => other.heldBytes - one.heldBytes)) {
      if (user.heldBytes <= limit * KEPT || client.heldBytes === 0) return;
      client.letGo({ code: 'too-much-memory', message });
    }
  }

  #forget(): void {
    for (const [uid, user] of this.#users) if (user.isForgettable) this.#users.delete(uid);
    if (this.#users.size > 0) return;
    clearInterval(this.#forgetting);
    this.#forgetting = undefined;
  }
}

function largest<T>(items: Iterable<T>, size: (item: T) => number): T | undefined {
  let most: T | undefined;
  for (const item of items) if (!most || size(item) > size(most)) most = item;
  return most;
}
