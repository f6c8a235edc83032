import { ChimedError } from '../errors.ts';
import { MOST_LEVELS, isDeeperThan } from '../protocol/levels.ts';
import type { Frame } from '../protocol/messages.ts';

const DELIMITER = '\f';
/** The delimiter's byte; UTF-8 has it in no other character. */
const FORM_FEED = 0x0c;
/** The first pieces of a frame that comes in pieces fit in so many bytes. */
const FIRST_PIECES_BYTES = 512;

/** Encodes a frame as the bytes that travel: JSON and a form feed, which JSON itself cannot contain. */
export function encodeFrame(frame: Frame): Buffer {
  return Buffer.from(JSON.stringify(frame) + DELIMITER);
}

/** Encodes a message whose payload is JSON already. Topics have no character that JSON would escape. */
export function encodeMessage(topic: string, json: string, seq: number, time: number): Buffer {
  return Buffer.from(`{"type":"${topic}","data":${json},"seq":${seq},"time":${time}}${DELIMITER}`);
}

/** The payload of a message that `encodeMessage` made, as JSON: a part of its bytes, not a copy. */
export function payloadOf(frame: Buffer, topic: string, seq: number, time: number): Buffer {
  const around = encodeMessage(topic, '', seq, time).length;
  const before = `{"type":"${topic}","data":`.length;
  return frame.subarray(before, frame.length - (around - before));
}

/** Decodes a frame that `encodeFrame` or `encodeMessage` made. */
export function decodeFrame(bytes: Buffer): Frame {
  return JSON.parse(bytes.toString('utf8', 0, bytes.length - DELIMITER.length)) as Frame;
}

/** The bytes of a frame whose end has not come yet. A new object for each, so that its age can be told. */
export class UnfinishedFrame {
  #bytes = Buffer.allocUnsafeSlow(FIRST_PIECES_BYTES);
  length = 0;

  /** Copies a piece: what it was read with may be much larger. Doubles, so that a dribble costs no more than a rush. */
  append(piece: Buffer): void {
    const needed = this.length + piece.length;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.length);
      this.#bytes = larger;
    }
    piece.copy(this.#bytes, this.length);
    this.length = needed;
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }
}

/** Takes the frames out of what one peer sends. */
export class FrameReader {
  readonly #maxBytes: number;
  #unfinished: UnfinishedFrame | undefined;

  /** @param maxBytes Largest frame accepted, in bytes, without its delimiter. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The frame that has begun and not ended. */
  get unfinished(): UnfinishedFrame | undefined {
    return this.#unfinished;
  }

  /**
   * Gives the frames that end in a chunk, or the error of what is no frame: `too-large`, `not-json`, `not-an-object`
   * or `bad-type`. After an error the stream cannot be trusted, and nothing more may be read.
   */
  *read(chunk: Buffer): Generator<Frame | ChimedError, void> {
    const end = chunk.lastIndexOf(FORM_FEED);
    if (end !== -1) {
      for (const text of this.#finish(chunk.subarray(0, end)).split(DELIMITER)) {
        const frame = this.#decode(text);
        yield frame;
        if (frame instanceof ChimedError) return;
      }
    }
    const rest = chunk.subarray(end + 1);
    if (!this.#unfinished && rest.every(isBlank)) return; // As `echo` puts a line feed behind a frame.
    this.#unfinished ??= new UnfinishedFrame();
    this.#unfinished.append(rest);
    if (this.#unfinished.length > this.#maxBytes) yield this.#tooLarge();
  }

  /** The text up to the last end of a frame, decoded at once: characters may be cut where chunks are. */
  #finish(rest: Buffer): string {
    const unfinished = this.#unfinished;
    if (!unfinished) return rest.toString();
    this.#unfinished = undefined;
    unfinished.append(rest);
    return unfinished.bytes.toString();
  }

  #decode(text: string): Frame | ChimedError {
    if (Buffer.byteLength(text) > this.#maxBytes) return this.#tooLarge();
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      const rule = 'each frame is one JSON object and a form feed';
      return new ChimedError('not-json', `the frame ${excerpt(text)} is not JSON; ${rule}`);
    }
    if (isDeeperThan(MOST_LEVELS, text))
      return new ChimedError('too-large', `a frame may nest ${MOST_LEVELS} levels, and this one has more`);
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return new ChimedError('not-an-object', `the frame ${excerpt(text)} is JSON, but not an object`);
    if (typeof (value as Frame).type !== 'string')
      return new ChimedError('bad-type', 'a frame needs a type, a text that is not empty');
    return value as Frame;
  }

  #tooLarge(): ChimedError {
    return new ChimedError('too-large', `a frame may have ${this.#maxBytes} bytes, and this one has more`);
  }
}

/** What JSON may have around a value. */
function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
