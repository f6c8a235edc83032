import { ChimedError, messageOf } from '../../errors.ts';
import { toJson } from '../../protocol/json.ts';
import { MOST_LEVELS, isDeeperThan } from '../../protocol/nesting.ts';
import { encodeMessage, payloadOf } from '../../transport/frames.ts';
import type { MessageHead } from '../../transport/frames.ts';
import type { HistoryBudget } from './history-budget.ts';

/** One message, as it is kept. */
export interface LoggedMessage extends MessageHead {
  frame: Buffer;
}

/** The numbering of a topic and its last messages, as `state.ts` saves them. */
export interface SavedMessages {
  seq: number;
  /** The numbering, if it is not the daemon's. */
  instance?: string;
  /** The last messages, numbered without a gap up to `seq`. `json`: the payload as UTF-8 JSON. */
  messages: { seq: number; time: number; json: Buffer }[];
  /** When the last sample was taken, in milliseconds since the epoch, and of which source. */
  sampled?: { time: number; source: string };
}

/** How much a topic keeps. */
export interface LogLimits {
  /** Messages; the latest is always kept. */
  history: number;
  /** Bytes of these messages; the latest is always kept. */
  historyBytes: number;
  /** Largest payload, in bytes of JSON. */
  maxBytes: number;
}

const NOTHING = Buffer.alloc(0);
/** Memory that a kept message needs beside its frame, in bytes: its objects and its place in the log. */
const OVERHEAD_BYTES = 200;

/** Numbers a topic's messages and keeps the last ones, bounded in number and in bytes. */
export class MessageLog {
  readonly #topic: string;
  readonly #budget: HistoryBudget | undefined;
  /** The kept messages begin at `#first`; the places before it are free, and cut off when they are many. */
  #messages: (LoggedMessage | undefined)[] = [];
  #first = 0;
  #bytes = 0;
  #limits: LogLimits;
  #json: string | undefined;
  /** JSON that `encode` has found good: the same need not be looked at again. */
  #encoded: string | undefined;
  seq = 0;
  /** The numbering, if it is not the daemon's. */
  readonly instance: string | undefined;
  /** True once the topic is removed. */
  isClosed = false;

  /** @param budget Bounds the bytes of all logs together. */
  constructor(topic: string, limits: LogLimits, budget?: HistoryBudget, saved?: SavedMessages) {
    this.#topic = topic;
    this.#limits = limits;
    this.#budget = budget;
    this.instance = saved?.instance;
    budget?.add(this);
    if (!saved) return;
    for (const { seq, time, json } of saved.messages)
      this.#keep(this.#message(json.toString(), { seq, time }));
    this.seq = saved.seq;
  }

  configure(limits: LogLimits): void {
    this.#limits = limits;
    this.#encoded = undefined;
    this.#trim();
  }

  /** The latest message. */
  get last(): LoggedMessage | undefined {
    return this.#messages.at(-1);
  }

  /** The latest payload, as JSON. */
  get lastJson(): string | undefined {
    const { last } = this;
    if (last) this.#json ??= this.#payload(last).toString();
    return this.#json;
  }

  /** Bytes that are kept beyond the latest message, and can be let go of. */
  get spareBytes(): number {
    return this.last ? this.#bytes - cost(this.last) : 0;
  }

  /**
   * The JSON of a payload.
   * @throws {ChimedError} `source-failed` if JSON cannot carry it, `too-large` if it is larger than `maxBytes`, or
   * nests more levels than a frame that carries it may.
   */
  encode(payload: unknown): string {
    const plain = JSON.stringify(payload) as string | undefined;
    if (plain !== undefined && plain === this.#encoded) return plain;
    // Payloads were parsed before: of what JSON cannot carry, they have infinities at most, which become null.
    const isCertain = plain !== undefined && !plain.includes('null');
    const json = isCertain ? plain : carried(payload);
    const { maxBytes } = this.#limits;
    if (Buffer.byteLength(json) > maxBytes) {
      throw new ChimedError('too-large', `the payload has more than ${maxBytes} bytes (maxBytes)`);
    }
    if (isDeeperThan(MOST_LEVELS, json)) {
      throw new ChimedError('too-large', `the payload nests more than ${MOST_LEVELS} levels`);
    }
    if (isCertain) this.#encoded = json;
    return json;
  }

  /** Makes the next message of a payload that `encode` returned. @param offset Its number among all messages. */
  append(json: string, offset: number): LoggedMessage {
    const message = this.#message(json, { seq: ++this.seq, time: Date.now(), offset });
    this.#keep(message);
    this.#json = json;
    return message;
  }

  #message(json: string, { seq, time, offset }: MessageHead): LoggedMessage {
    // One shape for all of them, whatever they have.
    const message = { seq, time, offset, instance: this.instance, frame: NOTHING } as LoggedMessage;
    message.frame = encodeMessage(this.#topic, json, message);
    return message;
  }

  /** Number of the oldest message that is kept; that of the next message if none is. */
  get oldest(): number {
    return this.#messages[this.#first]?.seq ?? this.seq + 1;
  }

  /** The message of a number, if it is kept. */
  at(seq: number): LoggedMessage | undefined {
    return this.#messages[this.#first + seq - this.oldest];
  }

  /** The numbering and the kept messages. The payloads are not copied. */
  save(): SavedMessages {
    const kept = this.#messages.slice(this.#first) as LoggedMessage[];
    const messages = kept.map((message) => ({
      seq: message.seq,
      time: message.time,
      json: this.#payload(message),
    }));
    return { seq: this.seq, ...(this.instance !== undefined && { instance: this.instance }), messages };
  }

  /** Lets go of all messages. The numbering goes on. */
  empty(): void {
    this.#messages = [];
    this.#first = 0;
    this.#change(-this.#bytes);
    this.#json = undefined;
  }

  /** Lets go of the oldest messages until at most `bytes` are spare. */
  shrink(bytes: number): void {
    while (this.spareBytes > bytes) this.#drop();
    this.#compact();
  }

  /** Lets go of all messages, when the topic is removed. */
  close(): void {
    this.#budget?.remove(this);
    this.empty();
    this.isClosed = true;
  }

  #keep(message: LoggedMessage): void {
    this.#messages.push(message);
    this.#json = undefined;
    this.#change(cost(message));
    this.#trim();
    this.#budget?.enforce();
  }

  #trim(): void {
    const { history, historyBytes } = this.#limits;
    const most = Math.max(history, 1);
    while (this.#messages.length - this.#first > most) this.#drop();
    while (this.#bytes > historyBytes && this.spareBytes > 0) this.#drop();
    this.#compact();
  }

  #drop(): void {
    this.#change(-cost(this.#messages[this.#first]!));
    this.#messages[this.#first++] = undefined;
  }

  /** Cuts off the free places once they are half of all: a constant cost for each message. */
  #compact(): void {
    if (this.#first < 32 || 2 * this.#first < this.#messages.length) return;
    this.#messages = this.#messages.slice(this.#first);
    this.#first = 0;
  }

  #change(bytes: number): void {
    this.#bytes += bytes;
    this.#budget?.change(bytes);
  }

  #payload(message: LoggedMessage): Buffer {
    return payloadOf(message.frame, this.#topic, message);
  }
}

function carried(payload: unknown): string {
  try {
    return toJson(payload);
  } catch (error) {
    throw new ChimedError('source-failed', messageOf(error), { cause: error });
  }
}

function cost({ frame }: LoggedMessage): number {
  return frame.length + OVERHEAD_BYTES;
}
