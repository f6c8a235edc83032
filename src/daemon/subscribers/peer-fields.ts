import type { Peer } from '../../linux/peer.ts';

/** What a log line says of a peer. */
export function describePeer(peer: Peer | undefined): object {
  return peer ? { pid: peer.pid, uid: peer.uid, gid: peer.gid } : {};
}

/** The same of a user for whom a gateway makes requests: the process is not the user's. */
export function describeOnBehalf(
  peer: Pick<Peer, 'uid' | 'gid'> | undefined,
  gateway: Peer | undefined,
): object {
  return { ...(peer && { uid: peer.uid, gid: peer.gid }), ...(gateway && { gatewayPid: gateway.pid }) };
}
