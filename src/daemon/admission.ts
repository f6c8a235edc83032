import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/mistakes.ts';
import { loadPart } from '../linux/part.ts';
import type { Peer } from '../linux/peer.ts';
import type { Logger } from '../log.ts';
import type { Rejection } from '../protocol/messages.ts';
import { isPrivileged } from './access.ts';
import type { Registry } from './registry.ts';

/** Tells who is at the other end of a socket. */
export type PeerOf = (fd: number) => Peer;

/** Where the system does not tell, says so once and returns undefined. */
export function loadPeerOf(logger: Logger): Promise<PeerOf | undefined> {
  return loadPart(
    async () => (await import('../linux/peer.ts')).peerOf,
    'who connects cannot be told: access rules are refused, and clients.maxPerUser is off',
    logger,
  );
}

/** @throws {ConfigError} `bad-config` if there are access rules and no way to tell who connects. */
export function assertEnforceable({ file, topics }: Config, peerOf: PeerOf | undefined): void {
  if (peerOf) return;
  const mistakes = topics
    .filter(({ access }) => access.subscribe ?? access.publish)
    .map(({ name }) => ({
      path: ['topics', name, 'access'],
      message: 'this system does not tell who connects, so nobody can be kept out',
    }));
  if (mistakes.length > 0) throw new ConfigError(file, mistakes);
}

/** Why one more connection of this peer's is one too many, if it is. */
export function refusalOf(
  peer: Peer | undefined,
  registry: Registry,
  { max, maxPerUser }: Config['clients'],
): Rejection | undefined {
  if (registry.clients.size >= max) {
    const message = `${max} clients are connected already (clients.max); try again later`;
    return { code: 'too-many-clients', message };
  }
  if (peer && !isPrivileged(peer) && registry.connectionsOf(peer.uid) >= maxPerUser) {
    const message = `the user with uid ${peer.uid} has ${maxPerUser} connections already (clients.maxPerUser)`;
    return { code: 'too-many-connections', message: `${message}; close some` };
  }
  return undefined;
}
