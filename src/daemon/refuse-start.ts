import { createServer } from 'node:net';
import type { Socket } from 'node:net';

import { ChimedError, messageOf } from '../errors.ts';
import type { InheritedSocket } from '../linux/activation.ts';
import { peerOf } from '../linux/peer.ts';
import type { Rejection } from '../protocol/messages.ts';
import { encodeFrame } from '../transport/frames.ts';
import { Lull } from '../transport/lull.ts';
import { descriptorOf } from '../transport/sockets.ts';
import { isPrivileged } from './subscribers/access.ts';

/**
 * Tells the clients of an inherited socket why the daemon cannot start. Without an answer they would stay in the
 * socket's queue, and start the service again and again. Never rejects.
 * @param error Why the daemon cannot start. Root and the daemon's own user read it, others its code only.
 * @param signal Ends it early.
 */
export async function refuseClients(
  { fd }: InheritedSocket,
  error: unknown,
  signal: AbortSignal,
): Promise<void> {
  const sockets = new Set<Socket>();
  const lull = new Lull(signal);
  const server = createServer((socket) => {
    lull.disturb();
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
    const data = rejection(error, isPrivilegedPeer(socket));
    // What the client sends is read and dropped: closing on unread bytes would reset the connection.
    socket.resume().end(encodeFrame({ type: 'chimed.rejected', data }));
  });
  server.on('error', lull.end);
  server.listen({ fd });
  await lull.come;
  server.close();
  for (const socket of sockets) socket.destroy();
}

function rejection(error: unknown, privileged: boolean): Rejection {
  const code = error instanceof ChimedError ? error.code : 'no-daemon';
  if (privileged) return { code, message: `chimed cannot start: ${messageOf(error)}` };
  const reason = code === 'bad-config' ? ': its configuration has mistakes' : '';
  return {
    code,
    message: `chimed cannot start${reason}. Ask an administrator to look at \`systemctl status chimed\`.`,
  };
}

function isPrivilegedPeer(socket: Socket): boolean {
  try {
    return isPrivileged(peerOf(descriptorOf(socket)).uid);
  } catch {
    return false; // It has gone already.
  }
}
