import { Socket } from 'node:net';
import type { Server } from 'node:net';

/** Who gets what comes through a socket. */
export interface SocketReader {
  /** The bytes are the reader's until it returns. */
  received(bytes: Buffer): void;
}

/** The fields of Node's own that tell what the documented ones do not, and one of ours. */
export interface OwnedSocket extends Socket {
  chimedReader?: SocketReader;
  /** Bytes handed to libuv. */
  _bytesDispatched?: number;
  /** Null as soon as it is destroyed. `writeQueueSize`: bytes handed to libuv that the kernel has not taken yet. */
  _handle?: { fd?: number; writeQueueSize?: number } | null;
}

/** What one read brings at most. */
const READ_BYTES = 8192;

/**
 * Where all sockets are read into. A buffer for each read, as Node makes it by itself, is 64 KiB of fresh memory, which
 * costs more than the read: with 200 busy clients, nine of ten page faults were from there.
 */
const incoming = Buffer.allocUnsafeSlow(READ_BYTES);

/** Takes a connected socket over, by its descriptor. It reads for whoever `readFor` has named. */
export function adopt(fd: number): Socket {
  return new Socket({ fd, onread: { buffer: incoming, callback: onRead } });
}

/** Has a socket read for somebody, from now on. */
export function readFor(reader: SocketReader, socket: Socket): void {
  const owned = socket as OwnedSocket;
  if (!owned.chimedReader) socket.on('data', onData); // Adopted ones have none of these events.
  owned.chimedReader = reader;
}

/** The descriptor of a socket; -1 if it has none any more. */
export function descriptorOf(socket: Socket | Server): number {
  return (socket as OwnedSocket)._handle?.fd ?? -1;
}

// One function for all sockets, each of which knows its reader.
function onData(this: OwnedSocket, bytes: Buffer): void {
  this.chimedReader!.received(bytes);
}

function onRead(this: OwnedSocket, length: number): boolean {
  this.chimedReader?.received(incoming.subarray(0, length));
  return true;
}
