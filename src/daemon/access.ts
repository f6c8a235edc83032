import type { Access, Accounts } from '../config/config.ts';
import { ChimedError } from '../errors.ts';
import type { Peer } from '../linux/peer.ts';
import type { Client } from './client.ts';
import type { Topic } from './topic.ts';

/**
 * Reports whether the peer is one of the accounts, by the groups that it had when it connected. Root and the
 * daemon's own user always are; nobody is whom the system does not tell of.
 * @param accounts Absent: everybody is.
 */
export function includes(accounts: Accounts | undefined, peer: Peer | undefined): boolean {
  if (!accounts) return true;
  if (!peer) return false;
  if (isPrivileged(peer) || accounts.uids.includes(peer.uid)) return true;
  return [peer.gid, ...peer.groups].some((gid) => accounts.gids.includes(gid));
}

/** Root and the daemon's own user: they could help themselves anyway. */
export function isPrivileged({ uid }: Peer): boolean {
  return uid === 0 || uid === process.getuid?.();
}

/** @throws {ChimedError} `not-allowed` if the topic's `access` does not let the client do this. */
export function checkAccess(client: Client, topic: Topic, right: keyof Access): void {
  if (includes(topic.config.access[right], client.peer)) return;
  const action = right === 'subscribe' ? 'register for' : 'publish to';
  const who = client.peer ? `the user with uid ${client.peer.uid}` : 'somebody unknown';
  throw new ChimedError(
    'not-allowed',
    `${who} may not ${action} ${topic.name}; the topic's access.${right} says who may`,
  );
}
