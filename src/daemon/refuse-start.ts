import { createServer } from 'node:net';
import type { Socket } from 'node:net';

import { ChimedError, messageOf } from '../errors.ts';
import type { InheritedSocket } from '../linux/activation.ts';
import { peerOf } from '../linux/peer.ts';
import type { Rejection } from '../protocol/messages.ts';
import { encodeFrame } from '../transport/frames.ts';
import { descriptorOf } from '../transport/sockets.ts';
import { isPrivileged } from './subscribers/access.ts';

/** Ends once no client has connected for so long, in milliseconds. */
const QUIET_MS = 200;
/** Longest time for all refusals, in milliseconds, so that a failed start is reported soon. */
const LONGEST_MS = 5000;

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
  const quiet = Promise.withResolvers<void>();
  const timer = setTimeout(quiet.resolve, QUIET_MS);
  const deadline = setTimeout(quiet.resolve, LONGEST_MS);
  signal.addEventListener('abort', () => quiet.resolve(), { once: true });
  const server = createServer((socket) => {
    timer.refresh();
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
    const data = rejection(error, isPrivilegedPeer(socket));
    // What the client sends is read and dropped: closing on unread bytes would reset the connection.
    socket.resume().end(encodeFrame({ type: 'chimed.rejected', data }));
  });
  server.on('error', quiet.resolve);
  server.listen({ fd });
  await quiet.promise;
  clearTimeout(timer);
  clearTimeout(deadline);
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
