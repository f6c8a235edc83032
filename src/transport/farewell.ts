import type { Socket } from 'node:net';

import type { Rejection } from '../protocol/messages.ts';
import { encodeFrame } from './frames.ts';
import { readFor } from './sockets.ts';

/** How long a peer may take to hang up once it was rejected, in milliseconds, before the socket is destroyed under it. */
const LAST_WORDS_MS = 1000;
/** Reads for those that leave, in one turn of the event loop. */
const READS = 4;

/** Those of which something was read; each is read from again when it is its turn. */
const waiting = new Set<Socket>();

/** Says why a connection is refused, and closes it soon. */
export function bidFarewell(socket: Socket, rejection: Rejection): void {
  socket.end(encodeFrame({ type: 'chimed.rejected', data: rejection }));
  drop(socket, LAST_WORDS_MS);
}

/**
 * Reads what a peer still sends, and drops it, until the peer hangs up or time is over: to close on a peer that is in
 * the middle of writing would break its write, and it would never read why. All such peers share the few reads that
 * there are, since what they send counts for nobody any more.
 */
export function drop(socket: Socket, timeoutMs: number): void {
  readFor({ received: () => wait(socket) }, socket);
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  socket.once('close', () => {
    clearTimeout(timer);
    waiting.delete(socket);
  });
}

function wait(socket: Socket): void {
  socket.pause();
  if (waiting.add(socket).size === 1) setImmediate(readOn);
}

function readOn(): void {
  let reads = READS;
  for (const socket of waiting) {
    if (reads-- === 0) break;
    waiting.delete(socket);
    socket.resume();
  }
  if (waiting.size > 0) setImmediate(readOn);
}
