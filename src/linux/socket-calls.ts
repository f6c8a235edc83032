import { sendNow } from './libc.ts';
import { peerOf } from './peer.ts';

/** What Linux does with a connected socket, and Node has no way to ask for. */
export const socketCalls = { peerOf, sendNow };

export type SocketCalls = typeof socketCalls;
