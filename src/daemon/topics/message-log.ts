import { ChimedError, messageOf } from '../../errors.ts';
import { toJson } from '../../protocol/json.ts';
import type { OriginNumbers } from '../../protocol/messages.ts';
import { MOST_LEVELS, isDeeperThan } from '../../protocol/nesting.ts';
import { encodeMessage, payloadOf } from '../../transport/frames.ts';
import type { MessageHead } from '../../transport/frames.ts';
import type { HistoryBudget } from './history-budget.ts';
import { randomInstance } from './random-instance.ts';

/** One message, as it is kept. */
export interface LoggedMessage extends MessageHead {
  frame: Buffer;
}

/** The numbering of a topic and its last messages, as `state.ts` saves them. */
export interface SavedMessages {
  seq: number;
  /** The numbering, if it is not the daemon's. */
  instance?: string;
  /** Its messages were numbered where they were made: there can be gaps. */
  origin?: true;
  /** The last messages, up to `seq`, without a gap unless `origin` is set. `json`: the payload as UTF-8 JSON. */
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
/** What a frame has at most beside its topic and its payload, in bytes. */
const LONGEST_HEAD_BYTES = 250;
/** Memory that a kept message needs beside its frame, in bytes: its objects and its place in the log. */
const OVERHEAD_BYTES = 200;

/** The numbers of a message that was made elsewhere. */
export type LoggedNumbers = Omit<OriginNumbers, 'instance'> & {
  /** Undefined: it is the daemon's. */
  instance: string | undefined;
};

/**
 * Numbers a topic's messages and keeps the last ones, bounded in number and in bytes. All that it keeps is of one
 * numbering. Beside its number, which may leave gaps, each message has a place: places have none, whatever the numbering.
 */
export class MessageLog {
  readonly #topic: string;
  #budget: HistoryBudget | undefined;
  /** The kept messages begin at `#first`; the places before it are free, and cut off when they are many. */
  #messages: (LoggedMessage | undefined)[] = [];
  #first = 0;
  #bytes = 0;
  /** Bytes that the budget knows of. */
  #charged = 0;
  #limits: LogLimits;
  #json: string | undefined;
  /** JSON that `encode` has found good: the same need not be looked at again. */
  #encoded: string | undefined;
  seq = 0;
  /** The place of the latest message. Without gaps in the numbering, it is its number. */
  place = 0;
  /** The place before the first of this numbering, if that has gaps. */
  #placeBefore = 0;
  /** The numbering, if it is not the daemon's. */
  instance: string | undefined;
  /** Messages of this numbering were numbered where they were made. */
  origin = false;
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
    this.origin = saved.origin === true;
    this.seq = saved.seq;
    this.place = this.origin ? saved.messages.length : saved.seq;
    for (const { seq, time, json } of saved.messages) this.#add(json.toString(), { seq, time });
    this.#json = undefined; // Most topics are not asked for it before their next message.
  }

  /** @param budget The one that bounds it from now on. */
  configure(limits: LogLimits, budget = this.#budget): void {
    this.#limits = limits;
    this.#encoded = undefined;
    if (budget !== this.#budget) this.#moveTo(budget);
    this.#trim();
    this.#charge();
  }

  #moveTo(budget: HistoryBudget | undefined): void {
    this.#budget?.remove(this);
    this.#budget?.change(-this.#charged);
    this.#budget = budget;
    budget?.add(this);
    budget?.change(this.#charged);
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

  /** Bytes that the latest message takes. */
  get latestBytes(): number {
    return this.last ? cost(this.last) : 0;
  }

  /** Bytes that a payload takes at most, once it is kept as a message. */
  costOf(json: string): number {
    return Buffer.byteLength(json) + this.#topic.length + LONGEST_HEAD_BYTES + OVERHEAD_BYTES;
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
    this.place++;
    return this.#add(json, { seq: ++this.seq, time: Date.now(), offset });
  }

  /**
   * The same of a message that was numbered where it was made. Another numbering than the last one's begins anew: what
   * was kept is let go of.
   */
  appendNumbered(json: string, { instance, seq, time }: LoggedNumbers, offset: number): LoggedMessage {
    if (instance !== this.instance) this.#begin(instance);
    if (!this.origin) {
      this.origin = true;
      this.#placeBefore = this.place - this.seq;
    }
    this.place++;
    this.seq = seq;
    return this.#add(json, { seq, time, offset });
  }

  /** After messages that were numbered where they were made, begins a numbering of its own. */
  endOrigin(): void {
    this.#begin(randomInstance());
  }

  #begin(instance: string | undefined): void {
    this.empty();
    this.instance = instance;
    this.origin = false;
    this.seq = 0;
    this.#placeBefore = this.place;
  }

  #add(json: string, { seq, time, offset }: MessageHead): LoggedMessage {
    // One shape for all of them, whatever they have.
    const message = { seq, time, offset, instance: this.instance, frame: NOTHING } as LoggedMessage;
    message.frame = encodeMessage(this.#topic, json, message);
    this.#messages.push(message);
    this.#json = json;
    this.#bytes += cost(message);
    this.#trim();
    this.#charge();
    this.#budget?.enforce(); // Its limit may have changed, if not what is kept.
    return message;
  }

  /** Place of the oldest message that is kept; that of the next message if none is. */
  get oldest(): number {
    return this.place + 1 - (this.#messages.length - this.#first);
  }

  /** The message at a place, if it is kept. */
  at(place: number): LoggedMessage | undefined {
    return this.#messages[this.#first + place - this.oldest];
  }

  /**
   * The place of the last message that somebody has heard.
   * @param after Its number. Where numbers have gaps, at most as many messages as there were are taken for missed.
   */
  placeOf(after: number): number {
    if (after >= this.seq) return this.place;
    if (!this.origin) return this.place - (this.seq - after);
    const { oldest } = this;
    const first = this.at(oldest);
    if (!first || first.seq > after) {
      const gone = (first?.seq ?? this.seq + 1) - 1 - after;
      return oldest - 1 - Math.min(gone, oldest - 1 - this.#placeBefore);
    }
    let [low, high] = [oldest, this.place]; // The last place whose number is not above.
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.at(middle)!.seq <= after) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The numbering and the kept messages. The payloads are not copied. */
  save(): SavedMessages {
    const kept = this.#messages.slice(this.#first) as LoggedMessage[];
    const messages = kept.map((message) => ({
      seq: message.seq,
      time: message.time,
      json: this.#payload(message),
    }));
    return {
      seq: this.seq,
      ...(this.instance !== undefined && { instance: this.instance }),
      ...(this.origin && { origin: true }),
      messages,
    };
  }

  /** Lets go of all messages. The numbering goes on. */
  empty(): void {
    this.#messages = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#charge();
    this.#json = undefined;
  }

  /** Lets go of the oldest messages until at most `bytes` are spare. */
  shrink(bytes: number): void {
    while (this.spareBytes > bytes) this.#drop();
    this.#compact();
    this.#charge();
  }

  /** Lets go of all messages, when the topic is removed. */
  close(): void {
    this.#budget?.remove(this);
    this.empty();
    this.isClosed = true;
  }

  #trim(): void {
    const { history, historyBytes } = this.#limits;
    const most = Math.max(history, 1);
    while (this.#messages.length - this.#first > most) this.#drop();
    while (this.#bytes > historyBytes && this.spareBytes > 0) this.#drop();
    this.#compact();
  }

  #drop(): void {
    this.#bytes -= cost(this.#messages[this.#first]!);
    this.#messages[this.#first++] = undefined;
  }

  /** Cuts off the free places once they are half of all: a constant cost for each message. */
  #compact(): void {
    if (this.#first < 32 || 2 * this.#first < this.#messages.length) return;
    this.#messages = this.#messages.slice(this.#first);
    this.#first = 0;
  }

  /** Tells the budget by how much what is kept has changed: mostly by nothing, since one message comes and one goes. */
  #charge(): void {
    const more = this.#bytes - this.#charged;
    if (more === 0) return;
    this.#charged = this.#bytes;
    this.#budget?.change(more);
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
