import { accept, duplicate, sendNow } from './libc.ts';
import { peerOf } from './peer.ts';

/** Sends `bytes[i]` to the socket `fds[i]` without waiting; tells how many bytes of each the kernel has taken. */
export type SendAll = (fds: readonly number[], bytes: readonly Buffer[]) => ArrayLike<number>;

/** What Linux does with sockets, and Node has no way to ask for. */
export interface SocketCalls {
  accept: typeof accept;
  duplicate: typeof duplicate;
  peerOf: typeof peerOf;
  sendAll: SendAll;
}

/** With one system call for each socket. */
export const sendEach: SendAll = (fds, bytes) => fds.map((fd, index) => sendNow(fd, bytes[index]!));

export const socketCalls: SocketCalls = { accept, duplicate, peerOf, sendAll: sendEach };
