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
  #clients = 0;

  /** @param limits The settings; a reload may change them. */
  constructor(users: Users, limits: () => Config['clients'], logger: EventLog) {
    this.#users = users;
    this.#limits = limits;
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

  /** A client has left its place. */
  leave(): void {
    this.#clients--;
  }

  #refusal(user: User): Rejection | undefined {
    const { max, maxPerUser, connectionsPerSecond } = this.#limits();
    // First, so that connections that are refused count as well.
    if (!user.connecting.take()) {
      const message = `this user opens more than ${connectionsPerSecond} connections per second (clients.connectionsPerSecond); keep one connection open`;
      return { code: 'too-fast', message };
    }
    const places = Math.max(Math.min(max, this.#descriptors - OTHER_DESCRIPTORS), 1);
    if (user.isPrivileged) return this.#clients < places ? undefined : this.#displace(user, places);
    if (user.clients.size >= (maxPerUser ?? Math.ceil(places / 2))) {
      const message = `the user with uid ${user.uid} has ${user.clients.size} connections already (clients.maxPerUser); close some`;
      return { code: 'too-many-connections', message };
    }
    const reserved = Math.min(MOST_RESERVED, Math.floor(places / 16));
    return this.#clients < places - reserved ? undefined : this.#displace(user, places - reserved);
  }

  /** All places are taken: the user that has most of them gives one up for a user that has fewer. */
  #displace(user: User, places: number): Rejection | undefined {
    const why =
      this.#descriptors - OTHER_DESCRIPTORS < this.#limits().max ? 'the limit of open files' : 'clients.max';
    const rejection: Rejection = {
      code: 'too-many-clients',
      message: `all ${places} connections are in use (${why}); close some, or retry later`,
    };
    const most = this.#users.mostConnected;
    const fewer = user.isPrivileged ? 0 : user.clients.size + 1;
    const isFair = most !== undefined && !most.isPrivileged && most.clients.size > fewer;
    // Those that gave up their places keep their descriptors until they have read why.
    if (!isFair || this.#clients >= places + MOST_LEAVING) return rejection;
    [...most.clients].at(-1)!.letGo(rejection);
    return undefined;
  }
}
