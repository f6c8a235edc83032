import { isUtf8 } from 'node:buffer';

import { ChimedError } from '../errors.ts';
import { MOST_LEVELS } from '../protocol/nesting.ts';
import type { Frame, OriginNumbers } from '../protocol/messages.ts';
import { clipped } from '../text.ts';
import { frameShape } from './frame-shape.ts';
import { free } from './free.ts';

const DELIMITER = '\f';
/** The delimiter's byte; UTF-8 has it in no other character. */
const FORM_FEED = 0x0c;
/** Levels of a frame around its payload, in `chimed.publish`. */
const ENVELOPE_LEVELS = 2;
/** A shorter frame can neither nest too deeply nor hold too many values. */
const HARMLESS_BYTES = 2 * MOST_LEVELS;
/** The first pieces of a frame that comes in pieces fit in so many bytes. */
const FIRST_PIECES_BYTES = 512;

const NOTHING: Buffer = Buffer.alloc(0);

/** Encodes a frame as the bytes that travel: JSON and a form feed, which JSON itself cannot contain. */
export function encodeFrame(frame: Frame): Buffer {
  return Buffer.from(JSON.stringify(frame) + DELIMITER);
}

/** Encodes an answer that carries a payload, `data` within its own `data`, which is JSON already. */
export function encodeAnswer(type: string, data: object, json: string): Buffer {
  const head = JSON.stringify({ type, data }).slice(0, -'}}'.length);
  return Buffer.from(`${head},"data":${json}}}${DELIMITER}`);
}

/** What a message has beside its topic and its payload; see `Frame`. */
export type MessageHead = Required<Pick<Frame, 'seq' | 'time'>> &
  Pick<Frame, 'offset' | 'instance' | 'stale'>;

/** Encodes a message whose payload is JSON already. Topics have no character that JSON would escape. */
export function encodeMessage(topic: string, json: string, head: MessageHead): Buffer {
  return Buffer.from(`{"type":"${topic}","data":${json}${encodedHead(head)}}${DELIMITER}`);
}

/** Encodes a message of a provider: with the numbers of its origin, or with none, for the daemon to number. */
export function encodeProvided(topic: string, json: string, numbers?: OriginNumbers): Buffer {
  const head = numbers ? encodedHead(numbers) : '';
  return Buffer.from(`{"type":"${topic}","data":${json}${head}}${DELIMITER}`);
}

function encodedHead({ seq, time, offset, instance, stale }: MessageHead): string {
  let text = `,"seq":${seq},"time":${time}`;
  if (offset !== undefined) text += `,"offset":${offset}`;
  if (instance !== undefined) text += `,"instance":"${instance}"`;
  return stale ? `${text},"stale":true` : text;
}

/** The payload of a message that `encodeMessage` made, as JSON: a part of its bytes, not a copy. */
export function payloadOf(frame: Buffer, topic: string, head: MessageHead): Buffer {
  const after = encodedHead(head).length + '}'.length + DELIMITER.length;
  return frame.subarray(`{"type":"${topic}","data":`.length, frame.length - after);
}

export interface FrameLimits {
  /** Largest frame accepted, in bytes, without its delimiter. */
  maxBytes: number;
  /** Most values that a frame may hold; with it, levels are bounded as well. @default what comes is trusted */
  maxValues?: number;
}

/**
 * Takes frames out of what one peer sends. Bytes stay bytes until the frame that they belong to is asked for, so that
 * whoever asks decides when the work of parsing is done.
 */
export class FrameReader {
  readonly #limits: FrameLimits;
  /** What has come and was not taken: `#bytes` from `#start` to `#end`, of which nothing before `#searched` is a delimiter. */
  #bytes = NOTHING;
  #start = 0;
  #end = 0;
  #searched = 0;
  /** `#bytes` belongs to whoever pushed it. */
  #lent = false;
  /** Length of the frame that `next` gave last, in bytes. */
  frameBytes = 0;

  constructor(limits: FrameLimits) {
    this.#limits = limits;
  }

  /** Bytes of memory that it holds. */
  get heldBytes(): number {
    return this.#lent ? this.#end - this.#start : this.#bytes.length;
  }

  /** True if `next` may give something: bytes have come that it has not looked at. */
  get ready(): boolean {
    return this.#searched < this.#end;
  }

  /** True if a frame has begun and `next` did not find its end. Blanks between frames begin none. */
  get unfinished(): boolean {
    return !this.ready && this.#start < this.#end;
  }

  /** Adds what has come, and looks at none of it. The chunk is lent until `keep` is called. */
  push(chunk: Buffer): void {
    if (this.#start === this.#end) {
      this.clear();
      [this.#bytes, this.#end, this.#lent] = [chunk, chunk.length, true];
      return;
    }
    this.#reserve(chunk.length);
    chunk.copy(this.#bytes, this.#end);
    this.#end += chunk.length;
  }

  /** Copies what is left of a chunk that was lent: most are whole frames, of which nothing is left. */
  keep(): void {
    if (this.#lent) this.#moveTo(Buffer.allocUnsafeSlow(this.#end - this.#start));
  }

  /**
   * The next whole frame, or the error of what is no frame: `too-large`, `not-json`, `not-an-object` or `bad-type`.
   * Undefined if none has ended. After an error the stream cannot be trusted, and nothing more may be read.
   */
  next(): Frame | ChimedError | undefined {
    this.#skipBlanks();
    const end = this.#bytes.subarray(0, this.#end).indexOf(FORM_FEED, this.#searched);
    if (end === -1) {
      this.#searched = this.#end; // What was searched once is not searched again.
      return this.#end - this.#start > this.#limits.maxBytes ? tooLong(this.#limits.maxBytes) : undefined;
    }
    this.frameBytes = end - this.#start;
    const frame = this.#decode(this.#bytes.subarray(this.#start, end));
    this.#start = this.#searched = end + 1;
    this.#shrink();
    return frame;
  }

  /** Gives the frames that end in a chunk, up to the first error. */
  *read(chunk: Buffer): Generator<Frame | ChimedError, void> {
    this.push(chunk);
    for (let frame = this.next(); frame; frame = this.next()) {
      yield frame;
      if (frame instanceof ChimedError) return;
    }
    this.keep();
  }

  /** Lets go of all bytes. */
  clear(): void {
    this.#replace(NOTHING);
    this.#start = this.#end = this.#searched = 0;
  }

  /** Makes room. It doubles, so that a dribble costs no more than a rush. */
  #reserve(more: number): void {
    const length = this.#end - this.#start;
    if (this.#end + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(length + more, 2 * length, FIRST_PIECES_BYTES));
    this.#moveTo(larger);
  }

  /** A little that is left of much does not hold the memory of all. */
  #shrink(): void {
    const length = this.#end - this.#start;
    if (length === 0) this.clear();
    else if (!this.#lent && this.#bytes.length > 2 * FIRST_PIECES_BYTES && length < this.#bytes.length / 4)
      this.#moveTo(Buffer.allocUnsafeSlow(length));
  }

  #moveTo(place: Buffer): void {
    this.#bytes.copy(place, 0, this.#start, this.#end);
    this.#replace(place);
    this.#end -= this.#start;
    this.#searched -= this.#start;
    this.#start = 0;
  }

  #replace(bytes: Buffer): void {
    if (!this.#lent) free(this.#bytes);
    [this.#bytes, this.#lent] = [bytes, false];
  }

  /** As `echo` puts a line feed behind a frame. */
  #skipBlanks(): void {
    if (this.#searched > this.#start) return; // A frame has begun.
    const [bytes, end] = [this.#bytes, this.#end];
    let at = this.#start;
    while (at < end && isBlank(bytes[at]!)) at++;
    if (at === end) this.clear();
    else this.#start = this.#searched = at;
  }

  #decode(bytes: Buffer): Frame | ChimedError {
    const refusal = refusalOf(bytes, this.#limits);
    if (refusal) return refusal;
    // Decoding would silently replace bytes that are not UTF-8.
    if (this.#limits.maxValues !== undefined && !isUtf8(bytes))
      return new ChimedError('not-json', 'a frame is not UTF-8; encode binary data as base64');
    const text = bytes.toString();
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      const rule = 'a frame must be one JSON object, followed by a form feed';
      return new ChimedError('not-json', `the frame ${excerpt(text)} is not JSON; ${rule}`);
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return new ChimedError('not-an-object', `the frame ${excerpt(text)} is JSON, but not an object`);
    const { type } = value as Frame;
    if (typeof type !== 'string' || type === '')
      return new ChimedError('bad-type', 'a frame needs a type, a non-empty string');
    return value as Frame;
  }
}

/** Why a frame, without its delimiter, breaks the limits of whoever reads it; undefined if it does not. */
export function refusalOf(bytes: Buffer, { maxBytes, maxValues }: FrameLimits): ChimedError | undefined {
  if (bytes.length > maxBytes) return tooLong(maxBytes);
  if (maxValues === undefined || bytes.length < HARMLESS_BYTES) return undefined;
  const { levels, values } = frameShape(bytes);
  const mostLevels = MOST_LEVELS + ENVELOPE_LEVELS;
  if (levels > mostLevels) return tooLarge(`it nests more than ${mostLevels} levels`);
  return values > maxValues ? tooLarge(`it holds more than ${maxValues} values`) : undefined;
}

function tooLong(maxBytes: number): ChimedError {
  return tooLarge(`limit ${maxBytes} bytes`);
}

function tooLarge(why: string): ChimedError {
  return new ChimedError('too-large', `Frame too large: ${why}.`);
}

/** What JSON may have around a value. */
function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function excerpt(text: string): string {
  return JSON.stringify(clipped(text, 40));
}
