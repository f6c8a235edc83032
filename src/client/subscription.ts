import type { ChimedError } from '../errors.ts';
import { matches } from '../protocol/topics.ts';

/** One message of a topic, as a client hears it. */
export interface Message<T = unknown> {
  topic: string;
  /** Number of the message in its topic. */
  seq: number;
  /** When the daemon made it, in milliseconds since the epoch. */
  time: number;
  data: T;
  /**
   * How many messages of this topic came between the last one that this loop got and this one, and are lost
   * to it: the daemon skipped them because the client was slow or away, or the loop's own buffer was full.
   */
  missed: number;
  /** Id of the numbering that `seq` belongs to. Another id means that it began again. */
  instance: string;
  /** Present if the source has failed since: the message does not say how things are. */
  stale?: true;
}

/** A message as it comes from the daemon. `bytes`: length of its frame. */
export type Heard = Omit<Message, 'missed'> & { bytes: number };

/** What a subscription keeps for a loop that is slower than its topics. */
export interface BufferLimits {
  messages: number;
  /** Bytes of their frames. The newest message is always kept. */
  bytes: number;
}

type Waiter<T> = PromiseWithResolvers<IteratorResult<Message<T>, undefined>>;

/**
 * An endless, asynchronous list of messages. Its buffer is bounded: a loop that is slower than its topics
 * gets the newest messages, and reads in `missed` how many it lost.
 */
export class Subscription<T = unknown> implements AsyncIterableIterator<Message<T>, undefined> {
  /** Topics and patterns that it lists. */
  readonly patterns: readonly string[];
  readonly #limits: BufferLimits;
  readonly #onReturn: () => void;
  readonly #buffer: { message: Message<T>; bytes: number }[] = [];
  #bytes = 0;
  readonly #waiters: Waiter<T>[] = [];
  /** The last message of each topic that came in here. */
  readonly #heard = new Map<string, { instance: string; seq: number }>();
  /** Messages of each topic that were dropped since the last one that was handed over. */
  readonly #dropped = new Map<string, number>();
  #ended: { error?: ChimedError } | undefined;

  /** Made by `Client.listen`. */
  constructor(patterns: readonly string[], limits: BufferLimits, onReturn: () => void) {
    this.patterns = patterns;
    this.#limits = limits;
    this.#onReturn = onReturn;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /**
   * The next message; `done` once the client or this subscription was closed.
   * @throws {ChimedError} `unknown-topic`, `too-many-patterns`, or why the client gave up.
   */
  async next(): Promise<IteratorResult<Message<T>, undefined>> {
    const message = this.#shift();
    if (message) return { done: false, value: this.#handOver(message) };
    if (this.#ended?.error) throw this.#ended.error;
    if (this.#ended) return { done: true, value: undefined };
    const waiter: Waiter<T> = Promise.withResolvers();
    this.#waiters.push(waiter);
    return waiter.promise;
  }

  /** Ends the subscription: the daemon is told, and a loop over it ends. */
  async return(): Promise<IteratorResult<Message<T>, undefined>> {
    this.end();
    this.#buffer.length = this.#bytes = 0;
    this.#onReturn();
    return { done: true, value: undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** Reports whether messages of this topic belong here. */
  hears(topic: string): boolean {
    return this.patterns.some((pattern) => matches(pattern, topic));
  }

  /** Called by the client for each message that belongs here. */
  push({ topic, seq, time, data, instance, stale, bytes }: Heard): void {
    if (this.#ended) return;
    const heard = this.#heard.get(topic);
    const missed = heard?.instance === instance ? seq - heard.seq - 1 : 0;
    this.#heard.set(topic, { instance, seq });
    const message = { topic, seq, time, data: data as T, missed, instance, ...(stale && { stale }) };
    const waiter = this.#waiters.shift();
    if (waiter) return waiter.resolve({ done: false, value: this.#handOver(message) });
    this.#buffer.push({ message, bytes });
    this.#bytes += bytes;
    while (this.#isFull) this.#drop(this.#shift()!);
  }

  /** Called by the client when it is closed, with the error if it gave up. */
  end(error?: ChimedError): void {
    if (this.#ended) return;
    this.#ended = error ? { error } : {};
    for (const waiter of this.#waiters.splice(0)) {
      if (error) waiter.reject(error);
      else waiter.resolve({ done: true, value: undefined });
    }
  }

  get #isFull(): boolean {
    const { messages, bytes } = this.#limits;
    return this.#buffer.length > messages || (this.#bytes > bytes && this.#buffer.length > 1);
  }

  /** Takes the oldest message out of the buffer. */
  #shift(): Message<T> | undefined {
    const oldest = this.#buffer.shift();
    this.#bytes -= oldest?.bytes ?? 0;
    return oldest?.message;
  }

  #drop({ topic, missed }: Message<T>): void {
    this.#dropped.set(topic, (this.#dropped.get(topic) ?? 0) + missed + 1);
  }

  #handOver(message: Message<T>): Message<T> {
    const dropped = this.#dropped.get(message.topic);
    if (dropped === undefined) return message;
    this.#dropped.delete(message.topic);
    return { ...message, missed: message.missed + dropped };
  }
}
