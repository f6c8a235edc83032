import { IPCModule } from 'node-ipc';

import { ChimedError, messageOf, systemCode } from '../errors.ts';
import { LARGEST_FRAME_BYTES } from '../protocol/limits.ts';
import type { Frame } from '../protocol/messages.ts';
import { FrameReader, encodeFrame } from './frames.ts';

export interface DialListener {
  connected(): void;
  /** @param bytes Its length. */
  frame(frame: Frame, bytes: number): void;
  /** All that waited has left for the kernel, after much had waited. */
  drained(): void;
  /** The attempt failed or the connection ended; nothing follows. */
  ended(error: ChimedError): void;
}

/** The client's end of a connection. */
export interface DialedConnection {
  /** Sends a frame, or one that is encoded already. */
  send(frame: Frame | Buffer): void;
  /** Bytes that were sent and that the kernel has not taken yet: the daemon does not read them. */
  readonly pendingBytes: number;
  /** Closes without another word to the handler. */
  hangUp(): void;
}

const PEER = 'chimed';
/** Node 22 cuts a longer path off without a word, and would connect to another socket. */
const LONGEST_PATH_BYTES = 107;
/** Type of what is a frame already. */
const ENCODED = 'chimed.encoded';

/** node-ipc's own would drop a message's number and time. Ours reads the bytes itself, as it does at the other end. */
const parser = {
  raw: true,
  encode: (type: string, data: unknown) =>
    type === ENCODED ? (data as Buffer) : encodeFrame({ type, ...(data !== undefined && { data }) }),
  read() {},
} as const;

/** Connects once to the daemon at `path`. Retrying is the caller's: node-ipc's own has neither jitter nor end. */
export function dial(path: string, handler: DialListener): DialedConnection {
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) {
    const cause = Object.assign(new Error(`the path has ${Buffer.byteLength(path)} bytes`), {
      code: 'EINVAL',
    });
    return refused(explain(cause, path), handler);
  }
  const ipc = new IPCModule();
  ipc.config.silent = true;
  ipc.config.maxRetries = 0;
  ipc.config.stopRetrying = true;
  ipc.config.parser = parser;
  const reader = new FrameReader({ maxBytes: LARGEST_FRAME_BYTES });
  let failure: ChimedError | undefined;
  let open = true;
  let isCorked = false;
  ipc.connectTo(PEER, path);
  const peer = ipc.of[PEER]!;
  peer.on('connect', () => open && handler.connected());
  peer.on('error', (error: Error) => (failure ??= explain(error, path)));
  peer.on('data', (chunk: Buffer) => {
    for (const frame of reader.read(chunk)) {
      if (!open || failure) return;
      if (!(frame instanceof ChimedError)) {
        handler.frame(frame, reader.frameBytes);
        continue;
      }
      failure = new ChimedError(frame.code, `the server at ${path} is not chimed: ${frame.message}`);
      peer.socket.destroy();
    }
  });
  peer.socket.on('drain', () => open && handler.drained());
  peer.on('disconnect', () => {
    if (!open) return;
    open = false;
    handler.ended(failure ?? new ChimedError('connection-lost', 'the daemon closed the connection'));
  });
  const uncork = (): void => {
    if (isCorked) peer.socket.uncork();
    isCorked = false;
  };
  /** What is sent in one go is written at once: a system call for each frame would cost more than the frame. */
  const cork = (): void => {
    if (isCorked) return;
    isCorked = true;
    peer.socket.cork();
    process.nextTick(uncork);
  };
  return {
    send(frame) {
      if (!open) return;
      cork();
      if (Buffer.isBuffer(frame)) peer.emit(ENCODED, frame);
      else peer.emit(frame.type, frame.data);
    },
    get pendingBytes() {
      return peer.socket.writableLength;
    },
    hangUp() {
      uncork();
      open = false;
      ipc.disconnect(PEER);
    },
  };
}

/** A connection that is not even tried. */
export function refused(error: ChimedError, handler: DialListener): DialedConnection {
  let open = true;
  // Not before the caller has its line.
  queueMicrotask(() => open && handler.ended(error));
  return { send() {}, pendingBytes: 0, hangUp: () => void (open = false) };
}

/** What a system error means here, and what to do about it. */
function explain(error: Error, path: string): ChimedError {
  const options = { cause: error };
  switch (systemCode(error)) {
    case 'ENOENT':
      return new ChimedError(
        'no-daemon',
        `no daemon: there is no socket at ${path}; is chimed running?`,
        options,
      );
    case 'ECONNREFUSED':
      return new ChimedError(
        'no-daemon',
        `no daemon: no process listens on ${path}; is chimed running?`,
        options,
      );
    case 'EACCES':
    case 'EPERM':
      return new ChimedError(
        'not-permitted',
        `permission denied: ${path}; its owner or group must let this user write to it (socket.mode, socket.group)`,
        options,
      );
    case 'EINVAL':
      return new ChimedError(
        'no-daemon',
        `no daemon: the path of the socket is longer than ${LONGEST_PATH_BYTES} bytes: ${path}; use a shorter one`,
        options,
      );
    case 'EAGAIN':
      return new ChimedError('busy', `too many connections are waiting to be accepted at ${path}`, options);
    case 'ENOTSOCK':
      return new ChimedError('not-a-socket', `${path} is not a socket`, options);
    default:
      return new ChimedError(
        'connection-lost',
        `the connection to ${path} failed: ${messageOf(error)}`,
        options,
      );
  }
}
