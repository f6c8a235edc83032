import type { Config } from '../../config/config.ts';
import { ConfigError } from '../../config/mistakes.ts';
import { descriptorLimit } from '../../linux/descriptor-limit.ts';
import { loadIfSupported } from '../../linux/if-supported.ts';
import type { Peer } from '../../linux/peer.ts';
import type { SocketCalls } from '../../linux/socket-calls.ts';
import type { EventLog } from '../../log-events.ts';
import type { Rejection } from '../../protocol/messages.ts';
import { describePeer } from './peer-fields.ts';
import type { User } from './user.ts';
import type { Users } from './users.ts';

/** Descriptors that are not clients': the socket, logs, what sources open. */
const OTHER_DESCRIPTORS = 64;
/** Places that only root and the daemon's own user get: a sixteenth of all, and no more than so many. */
const MOST_RESERVED = 16;
/** Clients past the last place that may be about to leave. */
const MOST_LEAVING = 16;

/** Where the system does not have them, says once what is off, and returns undefined. */
export function loadSocketCalls(logger: EventLog): Promise<SocketCalls | undefined> {
  return loadIfSupported(
    async () => (await import('../../linux/socket-calls.ts')).socketCalls,
    'no-credentials',
    'the system does not tell which user a client belongs to: access lists are refused, and clients.maxPerUser has no effect',
    logger,
  );
}

/** @throws {ConfigError} `bad-config` if there are access rules and no way to tell who connects. */
export function assertEnforceable({ file, topics }: Config, calls: SocketCalls | undefined): void {
  if (calls) return;
  const mistakes = topics
    .filter(({ access }) => access.subscribe ?? access.publish)
    .map(({ name }) => ({
      path: ['topics', name, 'access'],
      message: 'this system does not tell which user a client belongs to, so access cannot be enforced',
    }));
  if (mistakes.length > 0) throw new ConfigError(file, mistakes);
}

/** Decides who may connect: not too fast, not too many of one user, and not too many. */
export class Admission {
  readonly #users: Users;
  readonly #limits: () => Config['clients'];
  readonly #descriptors = descriptorLimit() ?? Infinity;
  readonly #gateway: () => number | undefined;
  #clients = 0;
  /** Those of them whose requests a gateway makes for others. */
  #onBehalf = 0;

  /**
   * @param limits The settings; a reload may change them.
   * @param gateway Uid of the gateway's user, if there is one.
   */
  constructor(
    users: Users,
    limits: () => Config['clients'],
    logger: EventLog,
    gateway: () => number | undefined = () => undefined,
  ) {
    this.#users = users;
    this.#limits = limits;
    this.#gateway = gateway;
    const { max } = limits();
    const clients = this.#descriptors - OTHER_DESCRIPTORS;
    if (max > clients) {
      const fields = { descriptors: this.#descriptors, max, clients };
      logger.warn(
        { event: 'few-descriptors', ...fields },
        'the limit of open files allows fewer clients than clients.max: raise LimitNOFILE',
      );
    }
  }

  /** Takes a place for a connection. Returns why there is none for it, if so. */
  enter(peer: Peer | undefined): Rejection | undefined {
    const user = this.#users.of(peer?.uid);
    const refusal = this.#refusal(user);
    if (!refusal) this.#clients++;
    else
      user.log.warn(
        { event: 'rejected', ...describePeer(peer), code: refusal.code },
        `rejected: ${refusal.message}`,
      );
    return refusal;
  }

  /**
   * Has the place of a connection count for the user for whom the gateway makes its requests, and no longer for the
   * gateway's own. Returns why not, if so: all such connections together get half of the places, and displace nobody.
   */
  transfer(gateway: User, user: User): Rejection | undefined {
    gateway.connecting.giveBack();
    const refusal = this.#tooFast(user) ?? this.#tooMany(user) ?? this.#tooManyOnBehalf();
    if (!refusal) this.#onBehalf++;
    return refusal;
  }

  /** A client has left its place. @param isOnBehalf It was transferred. */
  leave(isOnBehalf = false): void {
    this.#clients--;
    if (isOnBehalf) this.#onBehalf--;
  }

  #refusal(user: User): Rejection | undefined {
    // First, so that connections that are refused count as well.
    const tooFast = this.#tooFast(user);
    if (tooFast) return tooFast;
    if (user.isPrivileged)
      return this.#clients < this.#places ? undefined : this.#displace(user, this.#places);
    const places = this.#placesForAll;
    return this.#tooMany(user) ?? (this.#clients < places ? undefined : this.#displace(user, places));
  }

  get #places(): number {
    return Math.max(Math.min(this.#limits().max, this.#descriptors - OTHER_DESCRIPTORS), 1);
  }

  /** Without those that are reserved. */
  get #placesForAll(): number {
    return this.#places - Math.min(MOST_RESERVED, Math.floor(this.#places / 16));
  }

  #tooFast(user: User): Rejection | undefined {
    if (user.connecting.take()) return undefined;
    const { connectionsPerSecond } = this.#limits();
    const message = `this user opens more than ${connectionsPerSecond} connections per second (clients.connectionsPerSecond); keep one connection open`;
    return { code: 'too-fast', message };
  }

  #tooMany(user: User): Rejection | undefined {
    const { size } = user.clients;
    if (size < (this.#limits().maxPerUser ?? Math.ceil(this.#places / 2))) return undefined;
    const who =
      user.uid === undefined ? 'peers without credentials have' : `the user with uid ${user.uid} has`;
    const message = `${who} ${size} connections already (clients.maxPerUser); close some`;
    return { code: 'too-many-connections', message };
  }

  #tooManyOnBehalf(): Rejection | undefined {
    const most = Math.ceil(this.#places / 2);
    const why =
      this.#onBehalf >= most
        ? `the gateway has ${this.#onBehalf} connections for others, and they can use half of all (clients.max)`
        : this.#clients > this.#placesForAll && this.#allInUse(this.#placesForAll);
    return why ? { code: 'too-many-clients', message: `${why}; close some, or retry later` } : undefined;
  }

  #allInUse(places: number): string {
    const why =
      this.#descriptors - OTHER_DESCRIPTORS < this.#limits().max ? 'the limit of open files' : 'clients.max';
    return `all ${places} connections are in use (${why})`;
  }

  /** All places are taken: the user that has most of them gives one up for a user that has fewer. */
  #displace(user: User, places: number): Rejection | undefined {
    const rejection: Rejection = {
      code: 'too-many-clients',
      message: `${this.#allInUse(places)}; close some, or retry later`,
    };
    // The gateway's user hands its places on to others, and so always seems to have few.
    if (user.uid !== undefined && user.uid === this.#gateway() && !user.isPrivileged) return rejection;
    const most = this.#users.mostConnected;
    const fewer = user.isPrivileged ? 0 : user.clients.size + 1;
    const isFair = most !== undefined && !most.isPrivileged && most.clients.size > fewer;
    // Those that gave up their places keep their descriptors until they have read why.
    if (!isFair || this.#clients >= places + MOST_LEAVING) return rejection;
    [...most.clients].at(-1)!.letGo(rejection);
    return undefined;
  }
}
