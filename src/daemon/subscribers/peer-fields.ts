import type { Peer } from '../../linux/peer.ts';

/** What a log line says of a peer. */
export function describePeer(peer: Peer | undefined): object {
  return peer ? { pid: peer.pid, uid: peer.uid, gid: peer.gid } : {};
}
