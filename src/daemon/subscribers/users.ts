import type { Config } from '../../config/config.ts';
import type { EventLog } from '../../log-events.ts';
import { BoundedLog } from '../../bounded-log.ts';
import { isPrivileged } from './access.ts';
import { User } from './user.ts';

/** How often users that have left are forgotten, in milliseconds. */
const FORGET_MS = 10_000;

/** With so many users, those without clients are forgotten at once: a gateway, or a range of subordinate uids, has many. */
const MANY = 1024;

/** When a budget is used up, so much of it is kept: freeing a little more than needed makes the next time rare. */
const KEPT = 0.75;

/**
 * All users, and the memory that their clients hold: bounded for each, and for all together. Whoever holds most is let
 * go first.
 */
export class Users implements Iterable<User> {
  readonly #users = new Map<number | undefined, User>();
  /**
   * Root and the daemon's user, as far as a gateway makes their requests. What these cost is not charged to the users
   * themselves, who must get in whatever a gateway does.
   */
  readonly #onBehalf = new Map<number | undefined, User>();
  readonly #limits: () => Config['clients'];
  readonly #logger: EventLog;
  readonly #allLines = BoundedLog.forAll();
  #heldBytes = 0;
  #many = MANY;
  #forgetting: NodeJS.Timeout | undefined;

  /** @param limits The settings; a reload may change them. */
  constructor(limits: () => Config['clients'], logger: EventLog) {
    this.#limits = limits;
    this.#logger = logger;
  }

  of(uid: number | undefined): User {
    return this.#users.get(uid) ?? this.#add(this.#users, uid, false);
  }

  /** The user that answers for what a gateway asks on behalf of a uid. It has no privileges. */
  onBehalf(uid: number | undefined): User {
    if (!isPrivileged(uid)) return this.of(uid);
    return this.#onBehalf.get(uid) ?? this.#add(this.#onBehalf, uid, true);
  }

  #add(users: Map<number | undefined, User>, uid: number | undefined, isOnBehalf: boolean): User {
    if (this.#users.size >= this.#many) this.#forgetIdle();
    const user = new User(uid, this.#limits, this.#logger, this.#allLines, isOnBehalf);
    users.set(uid, user);
    this.#forgetting ??= setInterval(() => this.#forget(), FORGET_MS).unref();
    return user;
  }

  #forgetIdle(): void {
    for (const [uid, { clients }] of this.#users) if (clients.size === 0) this.#users.delete(uid);
    this.#many = Math.max(2 * this.#users.size, MANY);
  }

  *[Symbol.iterator](): Generator<User, void> {
    yield* this.#users.values();
    yield* this.#onBehalf.values();
  }

  /** The user with the most connections, of those that are neither root nor the daemon's user. */
  get mostConnected(): User | undefined {
    return largest(this, (user) => (user.isPrivileged ? -1 : user.clients.size));
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
      const most = largest(this, ({ heldBytes }) => heldBytes)!;
      const message = `all clients together hold more than ${memory} bytes (clients.memory)`;
      this.#relieve(most, most.heldBytes - (this.#heldBytes - memory), message);
    }
  }

  close(): void {
    clearInterval(this.#forgetting);
    for (const { log } of this) log.close();
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
    for (const users of [this.#users, this.#onBehalf])
      for (const [uid, user] of users) if (user.isForgettable) users.delete(uid);
    if (this.#users.size + this.#onBehalf.size > 0) return;
    clearInterval(this.#forgetting);
    this.#forgetting = undefined;
  }
}

function largest<T>(items: Iterable<T>, size: (item: T) => number): T | undefined {
  let most: T | undefined;
  for (const item of items) if (!most || size(item) > size(most)) most = item;
  return most;
}
