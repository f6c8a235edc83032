import { ChimedError } from '../errors.ts';
import { STATUS_PAGE } from '../protocol/limits.ts';
import type { Frame, RequestId } from '../protocol/messages.ts';
import { StatusPages } from '../protocol/status-pages.ts';
import type { Status, TopicStatus } from '../protocol/status-snapshot.ts';
import { encodeFrame } from '../transport/frames.ts';
import type { Link } from './link.ts';
import { refusalOfOwn } from './own-frames.ts';
import type { StatusOptions } from './options.ts';

interface Pending {
  frame: Frame;
  resolve: (answer: never) => void;
  reject: (error: unknown) => void;
}

/** Requests that wait: for a daemon to send them to, or for its answer. Each waits for a bounded time. */
export class Requests {
  readonly #link: Link;
  readonly #timeoutMs: number;
  /** In the order in which they were made. */
  readonly #pending = new Map<RequestId, Pending>();
  /** Those that were not sent yet, in the same order. */
  readonly #unsent = new Map<RequestId, Pending>();
  #lastId = 0;
  #frameBytes = Infinity;
  /** Why the client was closed, if it was. */
  #ended: ChimedError | undefined;
  /** Why there is no daemon, if there is none. */
  #lastError: ChimedError | undefined;

  constructor(link: Link, timeoutMs: number) {
    this.#link = link;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Asks for something whose answer repeats the request's `id`.
   * @param signal Gives up when it aborts: what was not sent by then is not sent.
   */
  async ask<Answer>(type: string, data: object, signal?: AbortSignal): Promise<Answer> {
    signal?.throwIfAborted();
    const id = ++this.#lastId;
    const giveUp = (): void => this.#take(id)?.reject(signal!.reason);
    signal?.addEventListener('abort', giveUp);
    try {
      return await this.#request(id, { type, data: { ...data, id } });
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** Asks for one page after the other, until all topics are there, and all clients if these are wanted. */
  async status({ topics, allClients = false }: StatusOptions): Promise<Status> {
    const ask = (page: { after?: string }): Promise<Status> =>
      this.ask('chimed.status', { ...(topics && { topics }), ...page });
    const status = await ask({});
    const pages = new StatusPages<TopicStatus>();
    for (let next = pages.take(status); next; next = pages.take(await ask(next)));
    status.topics = pages.topics;
    if (allClients) await this.#addClients(status);
    return status;
  }

  async #addClients(status: Status): Promise<void> {
    for (let after = status.clients.at(-1)?.id; status.clients.length >= STATUS_PAGE;) {
      const page = await this.ask<Status>('chimed.status', { topics: [], afterClient: after });
      const more = page.clients.filter(({ id }) => id > after!); // An older daemon gives the first page again.
      if (more.length === 0) return;
      status.clients.push(...more);
      after = more.at(-1)!.id;
    }
  }

  /** There is a daemon. @param frameBytes Largest frame that it takes. */
  ready(frameBytes: number): void {
    this.#lastError = undefined;
    this.#frameBytes = frameBytes;
    this.flush();
  }

  /** Sends what waits, as far as the daemon reads: what fails before it is sent must not be sent at all. */
  flush(): void {
    for (const [key, { frame }] of this.#unsent) {
      if (!this.#link.hasRoom) return;
      this.#unsent.delete(key);
      this.#send(key, frame);
    }
  }

  /** The answer to a request has come. */
  answered(answer: { id?: RequestId }): void {
    if (answer.id !== undefined) this.#take(answer.id)?.resolve(answer as never);
  }

  rejected(id: RequestId, error: ChimedError): void {
    this.#take(id)?.reject(error);
  }

  /** The answer to a status request has come. A daemon of version 0.1 repeats no id, and answers in order. */
  statusCame({ id, ...status }: Status & { id?: RequestId }): void {
    const asked = id ?? this.#oldestStatus();
    if (asked !== undefined) this.#take(asked)?.resolve(status as never);
  }

  /** The connection broke: what was sent may have arrived or not; what was not sent goes on waiting. */
  lost(error: ChimedError): void {
    this.#lastError = error;
    // Answers come in order, so the frame that was too large is the first that has none.
    const [first] = this.#pending.keys();
    if (error.code === 'too-large' && first !== undefined && !this.#unsent.has(first))
      this.#take(first)?.reject(error);
    for (const key of this.#pending.keys()) {
      if (this.#unsent.has(key)) continue;
      const message = `the connection ended before the daemon answered: ${error.message}`;
      this.#take(key)?.reject(new ChimedError('connection-lost', message, { cause: error }));
    }
  }

  /** The client is closed. */
  end(error: ChimedError): void {
    this.#ended = error;
    for (const key of this.#pending.keys()) this.#take(key)?.reject(error);
  }

  #oldestStatus(): RequestId | undefined {
    for (const [id, { frame }] of this.#pending)
      if (frame.type === 'chimed.status' && !this.#unsent.has(id)) return id;
    return undefined;
  }

  async #request<T>(key: RequestId, frame: Frame): Promise<T> {
    if (this.#ended) throw this.#ended;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const timer = setTimeout(() => this.#timedOut(key), this.#timeoutMs);
    const pending: Pending = { frame, resolve: resolve as Pending['resolve'], reject };
    this.#pending.set(key, pending);
    this.#unsent.set(key, pending);
    this.flush();
    return promise.finally(() => clearTimeout(timer));
  }

  #send(key: RequestId, frame: Frame): void {
    const bytes = encodeFrame(frame);
    const refusal = refusalOfOwn(bytes, this.#frameBytes);
    if (refusal) this.#take(key)?.reject(refusal);
    else this.#link.send(bytes);
  }

  #timedOut(key: RequestId): void {
    const cause = this.#lastError;
    const why = cause ? `: ${cause.message}` : '';
    this.#take(key)?.reject(
      new ChimedError('timeout', `no answer within ${this.#timeoutMs} ms${why}`, { cause }),
    );
  }

  #take(key: RequestId): Pending | undefined {
    const pending = this.#pending.get(key);
    this.#pending.delete(key);
    this.#unsent.delete(key);
    return pending;
  }
}
