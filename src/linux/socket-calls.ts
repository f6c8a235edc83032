import { accept, duplicate, sendNow } from './libc.ts';
import { peerOf } from './peer.ts';
import { sendAll } from './send-all.ts';

/** What Linux does with sockets, and Node has no way to ask for. */
export interface SocketCalls {
  accept: typeof accept;
  duplicate: typeof duplicate;
  peerOf: typeof peerOf;
  /** Sends bytes without waiting; tells how many of them the kernel has taken. */
  send: typeof sendNow;
  /** The same for many sockets, in few system calls. */
  sendAll: typeof sendAll;
}

export const socketCalls: SocketCalls = { accept, duplicate, peerOf, send: sendNow, sendAll };
