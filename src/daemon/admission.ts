import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/mistakes.ts';
import { descriptorLimit } from '../linux/limits.ts';
import { loadPart } from '../linux/part.ts';
import type { Peer } from '../linux/peer.ts';
import type { SocketCalls } from '../linux/socket-calls.ts';
import type { Logger } from '../log.ts';
import type { Rejection } from '../protocol/messages.ts';
import { isPrivileged } from './access.ts';
import { Rate } from './rate.ts';
import type { Registry } from './registry.ts';

/** Descriptors that are not clients': the socket, logs, what sources open. */
const OTHER_DESCRIPTORS = 64;
/** After a rest, the connections of so many seconds may come at once: all clients come back after a restart. */
const BURST_SECONDS = 10;

/** Where the system does not have them, says once what is off, and returns undefined. */
export function loadSocketCalls(logger: Logger): Promise<SocketCalls | undefined> {
  return loadPart(
    async () => (await import('../linux/socket-calls.ts')).socketCalls,
    'who connects cannot be told: access rules are refused, and clients.maxPerUser is off',
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
      message: 'this system does not tell who connects, so nobody can be kept out',
    }));
  if (mistakes.length > 0) throw new ConfigError(file, mistakes);
}

/** Decides who may connect: not too many, not too many of one user, and not too fast. */
export class Admission {
  readonly #registry: Registry;
  readonly #limits: () => Config['clients'];
  readonly #logger: Logger;
  readonly #most = (descriptorLimit() ?? Infinity) - OTHER_DESCRIPTORS;
  /** By uid; there are no more than users who may use the socket. */
  readonly #rates = new Map<number | undefined, Rate>();

  /** @param limits The settings; a reload may change them. */
  constructor(registry: Registry, limits: () => Config['clients'], logger: Logger) {
    this.#registry = registry;
    this.#limits = limits;
    this.#logger = logger;
    const { max } = limits();
    if (max > this.#most) {
      const fields = { descriptors: this.#most + OTHER_DESCRIPTORS, max, clients: this.#most };
      logger.warn(fields, 'the limit of open files allows fewer clients than clients.max: raise LimitNOFILE');
    }
  }

  /** Why this connection is one too many, if it is. */
  refusal(peer: Peer | undefined): Rejection | undefined {
    const { max, maxPerUser } = this.#limits();
    if (this.#registry.clients.size >= Math.min(max, this.#most)) {
      const [count, why] = max <= this.#most ? [max, 'clients.max'] : [this.#most, 'the limit of open files'];
      const message = `${count} clients are connected already (${why}); try again later`;
      return { code: 'too-many-clients', message };
    }
    if (peer && !isPrivileged(peer) && this.#registry.connectionsOf(peer.uid) >= maxPerUser) {
      const message = `the user with uid ${peer.uid} has ${maxPerUser} connections already (clients.maxPerUser)`;
      return { code: 'too-many-connections', message: `${message}; close some` };
    }
    return this.#tooFast(peer);
  }

  #tooFast(peer: Peer | undefined): Rejection | undefined {
    const { connectionsPerSecond } = this.#limits();
    const rate = this.#rateOf(peer?.uid, connectionsPerSecond);
    const { refused } = rate;
    if (rate.take()) {
      if (refused > 0) this.#logger.info({ uid: peer?.uid, refused }, 'connections come slowly enough again');
      return undefined;
    }
    if (refused === 0) this.#logger.warn({ uid: peer?.uid }, 'connections come too fast: some are refused');
    const message = `this user opens more than ${connectionsPerSecond} connections a second (clients.connectionsPerSecond)`;
    return { code: 'too-fast', message: `${message}; keep one open` };
  }

  #rateOf(uid: number | undefined, perSecond: number): Rate {
    const known = this.#rates.get(uid);
    if (known?.perSecond === perSecond) return known;
    const rate = new Rate(perSecond, BURST_SECONDS);
    this.#rates.set(uid, rate);
    return rate;
  }
}
