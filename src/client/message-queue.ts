import type { ChimedError } from '../errors.ts';
import { matches } from '../protocol/names.ts';
import type { Message, Subscription } from './api.ts';

/** A message as it comes from the daemon. `bytes`: length of its frame. */
export type Heard = Omit<Message, 'missed'> & { bytes: number };

/** Up to where a topic was heard. */
export type Position = Pick<Heard, 'instance' | 'seq'>;

/** What a subscription keeps for a loop that is slower than its topics. */
export interface BufferLimits {
  messages: number;
  /** Bytes of their frames. The newest message is always kept. */
  bytes: number;
}

type Waiter<T> = PromiseWithResolvers<IteratorResult<Message<T>, undefined>>;

/** The messages that wait for one loop. */
export class MessageQueue<T = unknown> implements Subscription<T> {
  readonly patterns: readonly string[];
  readonly #limits: BufferLimits;
  readonly #onReturn: () => void;
  readonly #signal: AbortSignal | undefined;
  readonly #buffer: { message: Message<T>; bytes: number }[] = [];
  #bytes = 0;
  readonly #waiters: Waiter<T>[] = [];
  /** The last message of each topic that came in here. */
  readonly #heard = new Map<string, Position>();
  /** Messages of each topic that were dropped since the last one that was handed over. */
  readonly #dropped = new Map<string, number>();
  #ended: { error?: ChimedError } | undefined;

  /** Made by `Client.listen`. */
  constructor(patterns: readonly string[], limits: BufferLimits, onReturn: () => void, signal?: AbortSignal) {
    this.patterns = patterns;
    this.#limits = limits;
    this.#onReturn = onReturn;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#stop);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Message<T>, undefined>> {
    const message = this.#shift();
    if (message) return { done: false, value: this.#handOver(message) };
    if (this.#ended?.error) throw this.#ended.error;
    if (this.#ended) return { done: true, value: undefined };
    const waiter: Waiter<T> = Promise.withResolvers();
    this.#waiters.push(waiter);
    return waiter.promise;
  }

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

  /** Called by the client for a topic that was heard up to here before. */
  begin(topic: string, position: Position): void {
    this.#heard.set(topic, position);
  }

  /** Called by the client for each message that belongs here. */
  push({ bytes, ...heard }: Heard): void {
    if (this.#ended) return;
    const { topic, seq, instance } = heard;
    const before = this.#heard.get(topic);
    const missed = before?.instance === instance ? seq - before.seq - 1 : 0;
    this.#heard.set(topic, { instance, seq });
    const message = { ...heard, data: heard.data as T, missed };
    const waiter = this.#waiters.shift();
    if (waiter) return waiter.resolve({ done: false, value: this.#handOver(message) });
    this.#buffer.push({ message, bytes });
    this.#bytes += bytes;
    while (this.#isFull) this.#drop(this.#shift()!);
  }

  /** Called by the client when it is closed, with the error if it gave up. */
  end(error?: ChimedError): void {
    if (this.#ended) return;
    this.#signal?.removeEventListener('abort', this.#stop);
    this.#ended = error ? { error } : {};
    for (const waiter of this.#waiters.splice(0)) {
      if (error) waiter.reject(error);
      else waiter.resolve({ done: true, value: undefined });
    }
  }

  readonly #stop = (): void => void this.return();

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
