import type { Accounts } from '../../config/config.ts';
import type { Peer } from '../../linux/peer.ts';

/**
 * Reports whether the peer is one of the accounts, by the groups that it had when it connected. Root and the
 * daemon's own user always are. A peer without credentials matches no entry.
 * @param accounts Absent: everybody is.
 */
export function includes(accounts: Accounts | undefined, peer: Peer | undefined): boolean {
  if (!accounts) return true;
  if (!peer) return false;
  if (isPrivileged(peer.uid) || accounts.uids.includes(peer.uid)) return true;
  return accounts.gids.includes(peer.gid) || peer.groups.some((gid) => accounts.gids.includes(gid));
}

/** Root and the daemon's own user: they could help themselves anyway. */
export function isPrivileged(uid: number | undefined): boolean {
  return uid === 0 || (uid !== undefined && uid === OWN_UID);
}

const OWN_UID = process.getuid!();
