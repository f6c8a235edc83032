import type { Socket } from 'node:net';

import { ChimedError, messageOf, systemCode } from '../errors.ts';
import type { Peer } from '../linux/peer.ts';
import type { EventLog } from '../log-events.ts';
import { MOST_FRAME_VALUES } from '../protocol/limits.ts';
import type { Frame, Rejection } from '../protocol/messages.ts';
import { bidFarewell, drop } from './farewell.ts';
import { FrameReader } from './frames.ts';
import { descriptorOf, readFor } from './sockets.ts';
import type { OwnedSocket, SocketReader } from './sockets.ts';

/** What the owner of a connection is told. What it throws costs this connection, and no other. */
export interface ConnectionListener {
  /** So many bytes have come: `nextFrame` may have something to give. */
  readable(bytes: number): void;
  /** A frame did not end in time. */
  expired(error: ChimedError): void;
  /** All that was written has left for the kernel, or `tellOfRoom` has asked for this. */
  hasRoom(): void;
  /** The connection is gone. `reason` says why in a few words. */
  closed(reason: string): void;
}

/** What all connections of a server share. */
export interface ConnectionContext {
  /** Largest frame accepted from a client, in bytes. */
  maxFrameBytes: number;
  /** Longest time that a frame may stay unfinished, in milliseconds. */
  frameTimeoutMs: number;
  logger: EventLog;
}

/** Each socket knows its connection, so that one function of a kind serves all. */
interface ConnectionSocket extends OwnedSocket {
  chimedConnection?: Connection;
}

const nobody: ConnectionListener = { readable() {}, expired() {}, hasRoom() {}, closed() {} };

/**
 * One peer's socket: keeps what comes until its frames are asked for, bounds the age of an unfinished one, writes
 * bytes, and tells how many wait. There may be ten thousand of them, so none has a closure or a timer while nothing
 * happens.
 */
export class Connection implements SocketReader {
  readonly id: number;
  /** Who is at the other end; undefined where the system does not tell. */
  readonly peer: Peer | undefined;
  readonly #socket: ConnectionSocket;
  readonly #context: ConnectionContext;
  readonly #reader: FrameReader;
  /** The socket's descriptor as long as the connection has not ended: after that, it may be another's. */
  readonly #fd: number;
  #listener = nobody;
  /** Runs while a frame is unfinished. */
  #ageTimer: NodeJS.Timeout | undefined;
  /** The time of an unfinished frame is over, but not all that has come was looked at. */
  #isOverdue = false;
  #error: Error | undefined;
  #reason: string | undefined;
  #writtenBytes = 0;
  /** Something was written to Node's stream, and was not seen to have left: to ask Node costs more. */
  mayWait = false;

  constructor(id: number, socket: Socket, peer: Peer | undefined, context: ConnectionContext) {
    this.id = id;
    this.peer = peer;
    this.#socket = socket;
    this.#context = context;
    this.#reader = new FrameReader({ maxBytes: context.maxFrameBytes, maxValues: MOST_FRAME_VALUES });
    this.#fd = descriptorOf(socket);
  }

  /** Begins to read. */
  open(listener: ConnectionListener): void {
    this.#listener = listener;
    this.#socket.chimedConnection = this;
    this.#socket
      .on('error', Connection.#onError)
      .on('drain', Connection.#onDrain)
      .on('close', Connection.#onClose);
    readFor(this, this.#socket);
  }

  static #onError(this: ConnectionSocket, error: Error): void {
    this.chimedConnection!.#error = error;
  }

  static #onDrain(this: ConnectionSocket): void {
    this.chimedConnection!.#tellOfRoom();
  }

  static #onClose(this: ConnectionSocket): void {
    const connection = this.chimedConnection!;
    connection.#stopAgeTimer();
    connection.guard(() => connection.#listener.closed(connection.#whyClosed()));
  }

  /**
   * The next frame that has come, or why what has come is none; undefined if none has ended. What a peer sent before it
   * left is still there; what one sent that we closed is not.
   */
  nextFrame(): Frame | ChimedError | undefined {
    const frame = this.#reader.next();
    if (frame) this.#stopAgeTimer();
    if (!this.#reader.unfinished || this.ended) return frame;
    if (this.#isOverdue) return this.#incomplete;
    this.#ageTimer ??= setTimeout(() => this.#lookAfterReading(), this.#context.frameTimeoutMs);
    return frame;
  }

  /** True if `nextFrame` may give something: bytes have come that were not looked at. */
  get hasNews(): boolean {
    return this.#reader.ready;
  }

  /** Bytes of memory that hold what has come and was not taken. */
  get unreadBytes(): number {
    return this.#reader.heldBytes + this.#socket.readableLength;
  }

  /** Bytes written and not yet taken by the kernel. */
  get pendingBytes(): number {
    if (!this.mayWait) return 0;
    const { writableLength } = this.#socket;
    this.mayWait = writableLength > 0;
    return writableLength;
  }

  /** How many of the bytes written here the kernel has taken so far: while some wait, it grows as long as the peer reads. */
  get takenBytes(): number {
    const { _bytesDispatched = 0, _handle } = this.#socket;
    return _bytesDispatched - (_handle?.writeQueueSize ?? 0);
  }

  /** Bytes written here so far. What was sent on the `descriptor` is not among them. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Has `hasRoom` called: once what waits has left, or soon, where little waits or nothing. */
  tellOfRoom(): void {
    // Node tells it of much only.
    if (!this.#socket.writableNeedDrain) setImmediate(() => this.#tellOfRoom());
  }

  #tellOfRoom(): void {
    this.guard(() => this.#listener.hasRoom());
  }

  /** True once the connection is closing or gone: what is sent now is lost. */
  get ended(): boolean {
    return this.#reason !== undefined || !this.#socket._handle;
  }

  /**
   * The descriptor to send on past Node's stream, which costs more than the sending itself; -1 while something waits in
   * the stream, and once the connection has ended.
   */
  get descriptor(): number {
    return this.ended || (this.mayWait && this.pendingBytes > 0) ? -1 : this.#fd;
  }

  /** Writes bytes, as they are. Nothing happens once the connection has ended. */
  write(bytes: Buffer): void {
    if (this.ended) return;
    this.#socket.write(bytes);
    this.#writtenBytes += bytes.length;
    this.mayWait = true;
  }

  /** Stops reading, so that a peer that asks faster than it reads waits for itself. */
  pause(): void {
    this.#socket.pause();
  }

  get isPaused(): boolean {
    return this.#socket.isPaused();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends `lastWords`, and closes once the kernel has taken all that waits, or after `timeoutMs`. */
  end(reason: string, lastWords: Buffer, timeoutMs: number): void {
    if (this.ended) return;
    this.write(lastWords);
    this.#reason = reason;
    this.#socket.destroySoon();
    drop(this.#socket, timeoutMs);
  }

  /**
   * Sends `chimed.rejected` and closes. What still comes is read and dropped: closing on a peer that is in the
   * middle of writing would break its write, and it would never read why.
   */
  reject(rejection: Rejection): void {
    if (this.#reason !== undefined) return;
    const isOpen = !this.ended;
    this.#reason = rejection.code;
    this.#reader.clear();
    this.#stopAgeTimer();
    this.mayWait = true;
    if (isOpen) bidFarewell(this.#socket, rejection);
  }

  /** As `reject`, but frees memory at once: a peer that leaves much unread does not read why. */
  letGo(rejection: Rejection): void {
    if (this.pendingBytes === 0) this.reject(rejection);
    else this.destroy(rejection.code);
  }

  /** Closes at once; what was not yet taken is lost. */
  destroy(reason: string): void {
    this.#reason ??= reason;
    this.#reader.clear();
    this.#socket.destroy();
  }

  /** Called by the socket. */
  received(bytes: Buffer): void {
    this.guard(() => {
      this.#reader.push(bytes);
      this.#listener.readable(bytes.length);
      this.#reader.keep();
    });
  }

  /**
   * An unfinished frame has a clock that only its end stops: also while we do not read, since a peer that leaves its
   * answers unread would otherwise keep the memory for ever. If we stood still, or read this user more slowly, its end may
   * have come and is yet to be looked at.
   */
  #lookAfterReading(): void {
    const timer = this.#ageTimer;
    setImmediate(() => {
      if (this.ended || timer !== this.#ageTimer) return;
      if (this.#reader.ready) this.#isOverdue = true;
      else this.guard(() => this.#listener.expired(this.#incomplete));
    });
  }

  get #incomplete(): ChimedError {
    const { frameTimeoutMs } = this.#context;
    const message = `a frame was not complete within ${frameTimeoutMs} ms; terminate each frame with a form feed`;
    return new ChimedError('incomplete', message);
  }

  #stopAgeTimer(): void {
    clearTimeout(this.#ageTimer);
    this.#ageTimer = undefined;
    this.#isOverdue = false;
  }

  #whyClosed(): string {
    const error = this.#error;
    // A peer that goes while we write to it has left like any other.
    const left = !error || ['EPIPE', 'ECONNRESET'].includes(systemCode(error) ?? '');
    return this.#reason ?? (left ? 'left' : error.message);
  }

  /** Does something for this client: a mistake of ours in it costs the client, not the daemon. */
  guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.failed(error);
    }
  }

  /** A mistake of ours has cost this client. */
  failed(error: unknown): void {
    const stack = error instanceof Error ? error.stack : undefined;
    this.#context.logger.error(
      { event: 'internal-error', client: this.id, error: messageOf(error), stack },
      'internal error',
    );
    this.destroy('internal error');
  }
}
