import type { Socket } from 'node:net';

import { systemCode } from '../errors.ts';
import type { ChimedError } from '../errors.ts';
import type { Peer } from '../linux/peer.ts';
import type { SocketCalls } from '../linux/socket-calls.ts';
import type { Frame, Rejection } from '../protocol/messages.ts';
import { encodeFrame } from './frames.ts';
import type { ReadState } from './frames.ts';

/** What the owner of a connection is told. What it throws costs this connection, and no other. */
export interface ConnectionHandler {
  /** A frame came. */
  frame(frame: Frame): void;
  /** The peer broke the framing. It is told so, and the connection closed, after this returns. */
  violated(error: ChimedError): void;
  /** All that was written has left for the kernel. */
  drained(): void;
  /** The connection is gone. `reason` says why in a few words. */
  closed(reason: string): void;
}

/** How long a peer may take to hang up once it was rejected, before the socket is destroyed under it. */
const LAST_WORDS_MS = 1000;

/** The fields of Node's and node-ipc's own that tell what the documented ones do not. */
interface IpcSocket extends Socket {
  /** Where node-ipc keeps what our parser returned. */
  ipcBuffer?: ReadState;
  /** Bytes handed to libuv. */
  _bytesDispatched?: number;
  /** `writeQueueSize`: those of them that the kernel has not taken yet. */
  _handle?: { fd?: number; writeQueueSize?: number } | null;
}

/** How long a frame may stay unfinished, in milliseconds, and whom to tell if it does. */
export interface FrameAge {
  limitMs: number;
  exceeded: () => void;
}

/** One peer's socket: writes bytes, tells how many wait, bounds the age of an unfinished frame. */
export class Connection {
  readonly id: number;
  /** Who is at the other end; undefined where the system does not tell. */
  readonly peer: Peer | undefined;
  readonly #socket: IpcSocket;
  #partial: ReadState = '';
  #partialTimer: NodeJS.Timeout | undefined;
  readonly #frameAge: FrameAge;
  #reason: string | undefined;
  readonly #calls: SocketCalls | undefined;
  #takenDirectly = 0;

  constructor(id: number, socket: Socket, frameAge: FrameAge, calls?: SocketCalls) {
    this.id = id;
    this.#socket = socket;
    this.#frameAge = frameAge;
    this.#calls = calls;
    this.peer = this.#fd < 0 ? undefined : calls?.peerOf(this.#fd);
  }

  /** Bytes written and not yet taken by the kernel. */
  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  /** Bytes that the kernel has taken so far: it grows as long as the peer reads. */
  get takenBytes(): number {
    const { _bytesDispatched = 0, _handle } = this.#socket;
    return this.#takenDirectly + _bytesDispatched - (_handle?.writeQueueSize ?? 0);
  }

  /** True if `drained` will be called once what waits has left; it is not for small amounts. */
  get willDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Has `drained` called soon, where it would not be by itself. */
  announceRoom(): void {
    setImmediate(() => this.#socket.emit('drain'));
  }

  /** True once the connection is closing or gone: what is sent now is lost. */
  get ended(): boolean {
    return this.#reason !== undefined || this.#socket.destroyed;
  }

  /** Writes bytes as they are. Nothing happens once the connection has ended. */
  send(bytes: Buffer): void {
    if (this.ended) return;
    const taken = this.#socket.writableLength === 0 ? this.#sendNow(bytes) : 0;
    if (taken < bytes.length) this.#socket.write(taken === 0 ? bytes : bytes.subarray(taken));
  }

  /** Hands bytes to the kernel past Node's stream, which costs more than the write itself; returns how many it took. */
  #sendNow(bytes: Buffer): number {
    // Asked for each time: the number of a socket that has closed may be another's by now.
    const fd = this.#fd;
    if (!this.#calls || fd < 0) return 0;
    const taken = this.#calls.sendNow(fd, bytes);
    this.#takenDirectly += taken;
    return taken;
  }

  /** The socket's descriptor, -1 once it is closed. */
  get #fd(): number {
    return this.#socket._handle?.fd ?? -1;
  }

  /** Stops reading, so that a peer that asks faster than it reads waits for itself. */
  pause(): void {
    this.#socket.pause();
    clearTimeout(this.#partialTimer); // What we do not read cannot end.
  }

  resume(): void {
    this.#socket.resume();
    this.#startFrameAge();
  }

  /** Sends `lastWords`, and closes once the kernel has taken all that waits, or after `timeoutMs`. */
  end(reason: string, lastWords: Buffer, timeoutMs: number): void {
    if (this.ended) return;
    this.#socket.write(lastWords);
    this.#reason = reason;
    this.#socket.destroySoon();
    this.#destroyAfter(timeoutMs);
  }

  /**
   * Sends `chimed.rejected` and closes. What still comes is read and dropped: closing on a peer that is in the
   * middle of writing would break its write, and it would never read why.
   */
  reject(rejection: Rejection): void {
    if (this.ended) return;
    this.#socket.end(encodeFrame({ type: 'chimed.rejected', data: rejection }));
    this.#reason = rejection.code;
    this.#socket.resume();
    this.#destroyAfter(LAST_WORDS_MS);
  }

  /** Closes at once; what was not yet taken is lost. */
  destroy(reason: string): void {
    this.#reason ??= reason;
    this.#socket.destroy();
  }

  /** Called after each chunk: an unfinished frame starts a clock that only its end stops. */
  chunkRead(): void {
    const partial = this.#socket.ipcBuffer ?? '';
    if (partial === this.#partial) return;
    this.#partial = partial;
    clearTimeout(this.#partialTimer);
    if (!this.#socket.isPaused()) this.#startFrameAge();
  }

  /** Called when the socket has closed; says why. */
  closed(error?: Error): string {
    clearTimeout(this.#partialTimer);
    // A peer that goes while we write to it has left like any other.
    const left = !error || ['EPIPE', 'ECONNRESET'].includes(systemCode(error) ?? '');
    return this.#reason ?? (left ? 'left' : error.message);
  }

  #startFrameAge(): void {
    clearTimeout(this.#partialTimer);
    if (typeof this.#partial !== 'object') return;
    this.#partialTimer = setTimeout(this.#frameAge.exceeded, this.#frameAge.limitMs);
  }

  #destroyAfter(timeoutMs: number): void {
    const timer = setTimeout(() => this.#socket.destroy(), timeoutMs);
    this.#socket.once('close', () => clearTimeout(timer));
  }
}
