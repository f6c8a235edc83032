import type { Rejection } from '../../protocol/messages.ts';
import { BoundedLog } from '../../bounded-log.ts';
import type { EventLog } from '../../log-events.ts';
import { isPrivileged } from './access.ts';
import { Rate } from '../../rate.ts';

/** After a rest, the connections of so many seconds may come at once: all clients come back after a restart. */
const CONNECTING_BURST_SECONDS = 10;

/** A client, as far as its user answers for it. */
export interface UserSession {
  /** Bytes of memory that wait for the client or came from it, as of the last count. */
  readonly heldBytes: number;
  /** Bytes that wait to be sent to the client. */
  readonly pendingBytes: number;
  /** Counts them again. */
  recount(): void;
  /** Closes the connection at once, and frees what it held. */
  letGo(rejection: Rejection): void;
  /** It may be read from again. */
  unparked(): void;
}

/** What a client may have sent us before we notice that it is paused, in bytes. */
const READ_BYTES = 65_536;
/** How often clients of a user that has sent too much are looked at, in milliseconds. */
const PARKED_MS = 50;

/** What a user may cost: settings, which a reload may change. */
export interface UserLimits {
  connectionsPerSecond: number;
  bytesPerSecond: number;
}

/** One user (a uid), to whom all that its clients cost is charged. Peers without credentials share one. */
export class User {
  readonly uid: number | undefined;
  /** Root and the daemon's own user always get in, and may change things. */
  readonly isPrivileged: boolean;
  readonly clients = new Set<UserSession>();
  /** Lines about this user's clients. */
  readonly log: BoundedLog;
  /** Bytes of memory that all its clients hold. */
  heldBytes = 0;
  #connecting: Rate | undefined;
  #receiving: Rate | undefined;
  readonly #limits: () => UserLimits;
  readonly #parked = new Set<UserSession>();
  #isLooking = false;

  /** @param isOnBehalf A gateway makes its requests: then it has no privileges. */
  constructor(
    uid: number | undefined,
    limits: () => UserLimits,
    logger: EventLog,
    allLines: Rate,
    isOnBehalf = false,
  ) {
    this.uid = uid;
    this.isPrivileged = !isOnBehalf && isPrivileged(uid);
    this.#limits = limits;
    this.log = new BoundedLog(logger, { uid }, allLines);
  }

  /** New connections, also those that are refused. */
  get connecting(): Rate {
    const { connectionsPerSecond } = this.#limits();
    if (this.#connecting?.perSecond !== connectionsPerSecond)
      this.#connecting = new Rate(connectionsPerSecond, CONNECTING_BURST_SECONDS);
    return this.#connecting;
  }

  /** Bytes that its clients send. */
  get receiving(): Rate {
    const { bytesPerSecond } = this.#limits();
    if (this.#receiving?.perSecond !== bytesPerSecond) this.#receiving = new Rate(bytesPerSecond, 1);
    return this.#receiving;
  }

  /** True while its clients have sent more than they may: none of them is read from. */
  get isInDebt(): boolean {
    return this.receiving.left < 0;
  }

  /** Has a client that is not read from wait until the user is out of debt. All wait in one queue, with one timer. */
  park(client: UserSession): void {
    this.#parked.add(client);
    if (!this.#isLooking) this.#lookLater();
  }

  #lookLater(): void {
    this.#isLooking = true;
    setTimeout(() => this.#unpark(), PARKED_MS);
  }

  /** As many as may send what they are likely to have ready. */
  #unpark(): void {
    this.#isLooking = false;
    let places = Math.ceil(this.receiving.left / READ_BYTES);
    for (const client of this.#parked) {
      if (places-- <= 0) break;
      this.#parked.delete(client);
      client.unparked();
    }
    if (this.#parked.size > 0) this.#lookLater();
  }

  /** True if nothing needs to be remembered of it. */
  get isForgettable(): boolean {
    return this.clients.size === 0 && this.connecting.isFull && this.receiving.isFull;
  }
}
