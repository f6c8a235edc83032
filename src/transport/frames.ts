import { GuardedParser, IPCProtocolError } from 'node-ipc';

import { ChimedError } from '../errors.ts';
import type { Frame } from '../protocol/messages.ts';

const DELIMITER = '\f';

/** node-ipc event that carries a whole frame. Nothing that a peer writes chooses an event's name. */
export const FRAME = 'frame';
/** node-ipc event that carries the ChimedError of bytes that are no frame. Nothing follows it. */
export const VIOLATION = 'violation';

type Receive = (event: { type: string; data: unknown }) => void;

/** A frame whose end has not come yet. A new object for each, so that its age can be told. */
class Partial {
  readonly pieces: string[] = [];
  length = 0;
}

/** Stands in a socket's buffer once its stream cannot be trusted any more; what follows is dropped. */
const POISONED = Symbol('poisoned');

/** What `read` leaves in `socket.ipcBuffer`: '' between two frames. */
export type ReadState = '' | Partial | typeof POISONED;

/** Encodes a frame as the bytes that travel: JSON and a form feed, which JSON itself cannot contain. */
export function encodeFrame(frame: Frame): Buffer {
  return Buffer.from(JSON.stringify(frame) + DELIMITER);
}

/** Encodes a message whose payload is JSON already. Topics have no character that JSON would escape. */
export function encodeMessage(topic: string, json: string, seq: number, time: number): Buffer {
  return Buffer.from(`{"type":"${topic}","data":${json},"seq":${seq},"time":${time}}${DELIMITER}`);
}

/** Decodes a frame that `encodeFrame` or `encodeMessage` made. */
export function decodeFrame(bytes: Buffer): Frame {
  return JSON.parse(bytes.toString('utf8', 0, bytes.length - DELIMITER.length)) as Frame;
}

/**
 * node-ipc's guarded parser, but for three things. It hands over the whole frame, where node-ipc keeps
 * only `type` and `data`. A violation becomes an event, where node-ipc destroys the socket before anything
 * can be said. And the pieces of an unfinished frame are joined once, where node-ipc joins and measures all
 * of them again for each chunk, which lets a peer that dribbles bytes burn a second of CPU per megabyte.
 */
export class FrameParser extends GuardedParser {
  /** @param maxFrameBytes Largest frame accepted, in bytes, without its delimiter. */
  constructor(maxFrameBytes: number) {
    super({
      delimiter: DELIMITER,
      maxMessageSize: maxFrameBytes,
      // Writes are bounded by the outbox, ages by the connection: both say why before they close.
      maxPendingBytes: Infinity,
      messageTimeout: 0,
      maxEventNameLength: 1,
    });
  }

  override read(state: ReadState, chunk: string, receive: Receive): ReadState {
    if (state === POISONED) return POISONED;
    let partial = state;
    let start = 0;
    try {
      for (let end = chunk.indexOf(DELIMITER); end !== -1; end = chunk.indexOf(DELIMITER, start)) {
        const piece = chunk.slice(start, end);
        const text = partial ? partial.pieces.join('') + piece : piece;
        partial = '';
        start = end + 1;
        receive({ type: FRAME, data: this.decode(text) });
      }
      if (start === chunk.length) return partial;
      partial ||= new Partial();
      const rest = chunk.slice(start);
      partial.pieces.push(rest);
      partial.length += rest.length;
      // Characters, so up to three times the bytes; the exact size is checked when the frame is whole.
      if (partial.length > this.maxMessageSize) throw this.#tooLarge();
      return partial;
    } catch (error) {
      if (!(error instanceof ChimedError)) throw error;
      receive({ type: VIOLATION, data: error });
      return POISONED;
    }
  }

  /** @throws {ChimedError} `too-large`, `not-json`, `not-an-object`, `bad-type`. */
  override decode(text: string): Frame {
    let value: unknown;
    try {
      this.assertFrameSize(text.length, Buffer.byteLength(text));
      value = JSON.parse(text);
    } catch (error) {
      if (error instanceof IPCProtocolError) throw this.#tooLarge();
      throw new ChimedError(
        'not-json',
        `the frame ${excerpt(text)} is not JSON; each frame is one JSON object and a form feed`,
      );
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ChimedError('not-an-object', `the frame ${excerpt(text)} is JSON, but not an object`);
    }
    const { type } = value as Frame;
    if (typeof type !== 'string')
      throw new ChimedError('bad-type', 'a frame needs a type, a text that is not empty');
    return value as Frame;
  }

  #tooLarge(): ChimedError {
    return new ChimedError(
      'too-large',
      `a frame may have ${this.maxMessageSize} bytes, and this one has more`,
    );
  }
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
