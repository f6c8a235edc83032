import type { Peer } from '../linux/peer.ts';
import type { OnBehalfOf } from '../protocol/messages.ts';

/** Who sent a request, and so for whom the daemon is asked. */
export interface Asker {
  /** The same for all who see the same. */
  readonly key: string;
  /** The same for all of one user, which shares what a user can have. */
  readonly user: string;
  readonly uid: number | undefined;
  /** Undefined: the gateway's own user. */
  readonly onBehalfOf: OnBehalfOf | undefined;
}

/** Whoever has the token: a peer without credentials. */
export const tokenHolder: Asker = { key: 'token', user: 'token', uid: undefined, onBehalfOf: {} };

/** The gateway's own user. */
export const gatewayItself: Asker = {
  key: 'gateway',
  user: 'gateway',
  uid: process.getuid!(),
  onBehalfOf: undefined,
};

/** The asker at the other end of a Unix socket. */
export function askerOf({ uid, gid, groups }: Peer): Asker {
  const key = [uid, gid, ...groups].join(' ');
  const isOwn = uid === process.getuid!();
  return { key, user: `uid ${uid}`, uid, onBehalfOf: isOwn ? undefined : { uid, gid, groups } };
}
