import { EventEmitter } from 'node:events';
import { isDeepStrictEqual } from 'node:util';

import { ChimedError, isErrorCode } from '../errors.ts';
import { silent } from '../log.ts';
import type { Logger } from '../log.ts';
import type {
  Cleared,
  Failing,
  Frame,
  Got,
  OnBehalfOf,
  ProvidedAnswer,
  Published,
  Recovered,
  Registered,
  RegisteredTopic,
  Rejection,
  Reloaded,
  RequestId,
  Sampled,
  Unwanted,
  Wanted,
} from '../protocol/messages.ts';
import { socketPaths } from '../protocol/paths.ts';
import type { Status } from '../protocol/status-snapshot.ts';
import type { LastMessage, Reload, Sample } from './answers.ts';
import type { Client, ClientEvents, Subscription } from './api.ts';
import { carried, checkPatterns, checkedTopic } from './arguments.ts';
import { Link } from './link.ts';
import type { Generate, ProvideHandler, Provided } from './provided.ts';
import { ProvidedTopics } from './provided-topics.ts';
import {
  DEFAULT_BUFFER,
  DEFAULT_BUFFER_BYTES,
  DEFAULT_RETRY,
  DEFAULT_TIMEOUT_MS,
  checkConnectOptions,
  checkListenOptions,
  checkPublishOptions,
  checkStatusOptions,
} from './options.ts';
import type { ConnectOptions, ListenOptions, PublishOptions, ResumeAfter, StatusOptions } from './options.ts';
import { Requests } from './pending-requests.ts';
import { MessageQueue } from './message-queue.ts';
import type { State } from './connection-state.ts';
import { Standing } from './standing.ts';
import { Subscriptions } from './subscriptions.ts';

/**
 * Connects to the daemon. Returns at once, and connects, registers and resumes for as long as it takes.
 * @throws {ChimedError} `bad-request` for an option that is unknown or has a wrong value.
 */
export function connect(options: ConnectOptions = {}): Client {
  return new DaemonClient(options);
}

class DaemonClient extends EventEmitter<ClientEvents> implements Client {
  readonly #options: ConnectOptions;
  readonly #logger: Logger;
  readonly #link: Link;
  readonly #requests: Requests;
  readonly #provided: ProvidedTopics;
  readonly #subscriptions = new Subscriptions();
  readonly #closed = Promise.withResolvers<ChimedError | undefined>();
  readonly #standing: Standing;
  /** As it travels. */
  readonly #onBehalfOf: OnBehalfOf | undefined;
  #topics: readonly RegisteredTopic[] = [];
  /** Largest frame that the daemon takes; one of version 0.1 does not say. */
  #frameBytes = Infinity;
  #state: State = { status: 'connecting', attempt: 1 };
  #warned = false;

  constructor(options: ConnectOptions) {
    super();
    checkConnectOptions(options);
    const { socket, retry = {}, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    this.#options = options;
    this.#onBehalfOf = options.onBehalfOf && (JSON.parse(JSON.stringify(options.onBehalfOf)) as OnBehalfOf);
    this.#standing = new Standing(this.#subscriptions, options.resume);
    this.#logger = options.logger ?? silent;
    this.#link = new Link(
      {
        paths: () => (socket === undefined ? socketPaths() : [socket]),
        retry: retry && {
          minMs: retry.minMs ?? DEFAULT_RETRY.minMs,
          maxMs: retry.maxMs ?? DEFAULT_RETRY.maxMs,
        },
        timeoutMs,
      },
      {
        hello: () => this.#hello(),
        registered: (registered) => this.#registered(registered),
        frame: (frame, bytes) => this.#frame(frame, bytes),
        drained: () => this.#provided.drained(),
        state: (state) => this.#enter(state),
      },
    );
    this.#requests = new Requests(this.#link, timeoutMs);
    this.#provided = new ProvidedTopics(this.#link, this.#requests, this.#logger, {
      refused: (refusal) => this.emit('refused', refusal),
      room: () => this.emit('room'),
    });
    if (signal?.aborted) {
      this.#link.close();
      return;
    }
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#link.open();
  }

  get state(): State {
    return this.#state;
  }

  get topics(): readonly RegisteredTopic[] {
    return this.#topics;
  }

  get position(): ResumeAfter | undefined {
    return this.#standing.position;
  }

  get closed(): Promise<ChimedError | undefined> {
    return this.#closed.promise;
  }

  listen<T = unknown>(topics: string | readonly string[], options: ListenOptions = {}): Subscription<T> {
    const patterns = typeof topics === 'string' ? [topics] : topics;
    if (!Array.isArray(patterns) || patterns.length === 0)
      throw new ChimedError('bad-request', 'listen needs a topic, a pattern, or a non-empty list of them');
    checkPatterns(patterns);
    checkListenOptions(options);
    const { buffer: messages = DEFAULT_BUFFER, bufferBytes: bytes = DEFAULT_BUFFER_BYTES, signal } = options;
    const leave = (): void => this.#unsubscribe(subscription);
    const subscription: MessageQueue = new MessageQueue(patterns, { messages, bytes }, leave, signal);
    // What type the payloads have is for the caller to know; nothing here depends on it.
    const typed = subscription as Subscription<T>;
    if (this.#state.status === 'closed' || signal?.aborted) {
      subscription.end(this.#state.status === 'closed' ? this.#state.error : undefined);
      return typed;
    }
    this.#tell('chimed.register', this.#subscriptions.add(subscription));
    return typed;
  }

  async publish(
    topic: string,
    data: unknown,
    options: PublishOptions = {},
  ): Promise<{ topic: string; seq: number }> {
    checkPublishOptions(options);
    checkedTopic(topic);
    carried(data);
    const { seq } = await this.#requests.ask<Published>('chimed.publish', { topic, data }, options.signal);
    return { topic, seq };
  }

  provide<T = unknown>(topic: string, how: Generate<T> | ProvideHandler): Provided {
    if (this.#state.status === 'closed') return this.#provided.ended(topic, this.#state.error);
    return this.#provided.provide(topic, how);
  }

  async clear(topic: string): Promise<void> {
    await this.#requests.ask<Cleared>('chimed.clear', { topic: checkedTopic(topic) });
  }

  async get<T = unknown>(topic: string): Promise<LastMessage<T> | undefined> {
    const got = await this.#requests.ask<Got>('chimed.get', { topic: checkedTopic(topic) });
    const { seq, time = 0, data, stale } = got;
    if (seq === undefined) return undefined;
    return { topic, seq, time, data: data as T, ...(stale && { stale }) };
  }

  async sample<T = unknown>(topic: string): Promise<Sample<T>> {
    const sampled = await this.#requests.ask<Sampled>('chimed.sample', { topic: checkedTopic(topic) });
    const { ms, bytes = 0, data, error } = sampled;
    if (error !== undefined) throw new ChimedError('source-failed', error);
    return { topic, ms, bytes, data: data as T };
  }

  async reload(): Promise<Reload> {
    const { id: _, ...reload } = await this.#requests.ask<Reloaded>('chimed.reload', {});
    return reload;
  }

  async status(options: StatusOptions = {}): Promise<Status> {
    checkStatusOptions(options);
    checkPatterns(options.topics ?? []);
    return await this.#requests.status(options);
  }

  async close(): Promise<void> {
    if (this.#state.status !== 'closed') this.#link.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  readonly #onAbort = (): void => void this.close();

  #unsubscribe(subscription: MessageQueue): void {
    this.#tell('chimed.unregister', this.#subscriptions.remove(subscription));
  }

  /** Says what has changed, if anything; a daemon that is not there yet hears it all when it is. */
  #tell(type: string, topics: string[]): void {
    if (topics.length > 0 && this.#link.greeted) this.#link.send({ type, data: { topics } });
  }

  #hello(): Frame {
    const { name } = this.#options;
    const onBehalfOf = this.#onBehalfOf;
    const { resume, leftOut } = this.#standing.resumePoint(this.#frameBytes);
    if (leftOut > 0) {
      const why = 'begin with their latest message: their positions do not fit into one frame';
      this.#logger.warn({ topics: leftOut }, `${leftOut} topics ${why} (clients.frameBytes)`);
    }
    return {
      type: 'chimed.register',
      data: {
        topics: this.#subscriptions.patterns,
        ...(name !== undefined && { name }),
        ...(resume && { resume }),
        ...(onBehalfOf && { onBehalfOf }),
      },
    };
  }

  #registered(registered: Registered): boolean {
    const { instance, topics, limits } = registered;
    if (!this.#isForUs(registered)) return false;
    const { resumed, uncounted } = this.#standing.registered(registered);
    if (uncounted) {
      const why = resumed
        ? 'the daemon does not know all that came since'
        : 'the daemon began a new numbering';
      this.#logger.warn({ instance }, `${why}: some messages may be lost, the number is unknown`);
      this.emit('uncounted');
    }
    this.#topics = topics;
    this.#frameBytes = limits?.frameBytes ?? Infinity;
    return resumed;
  }

  /** A daemon that does not know `onBehalfOf` would serve us as the user of this process. */
  #isForUs({ onBehalfOf: served }: Registered): boolean {
    if (!this.#onBehalfOf || isDeepStrictEqual(served, this.#onBehalfOf)) return true;
    const message =
      'the daemon does not make requests on behalf of other users: it would serve this client as the user of this process. Upgrade and restart the daemon.';
    this.#link.close(new ChimedError('not-allowed', message));
    return false;
  }

  #frame(frame: Frame, bytes: number): void {
    switch (frame.type) {
      case 'chimed.published':
      case 'chimed.cleared':
      case 'chimed.got':
      case 'chimed.sampled':
      case 'chimed.reloaded':
        return this.#requests.answered(frame.data as { id?: RequestId });
      case 'chimed.status':
        return this.#requests.statusCame(frame.data as Status & { id?: RequestId });
      case 'chimed.rejected':
        return this.#rejected(frame.data as Rejection);
      case 'chimed.failing':
        return this.#failing(frame.data as Failing);
      case 'chimed.wanted':
        return this.#provided.wanted(frame.data as Wanted);
      case 'chimed.unwanted':
        return this.#provided.unwanted(frame.data as Unwanted);
      case 'chimed.provided':
        this.#provided.provided(frame.data as ProvidedAnswer);
        return this.#requests.answered(frame.data as ProvidedAnswer);
      case 'chimed.recovered':
        return this.#recovered(frame.data as Recovered);
      default:
        this.#message(frame, bytes);
    }
  }

  #failing(failing: Failing): void {
    const { topic, error } = failing;
    this.#logger.warn({ topic, error }, 'the source of a topic is failing');
    this.emit('failing', failing);
  }

  #recovered(recovered: Recovered): void {
    this.#logger.info({ ...recovered }, 'the source of a topic has recovered');
    this.emit('recovered', recovered);
  }

  #message(frame: Frame, bytes: number): void {
    const { type: topic, data, seq = 0, time = 0, offset, instance = this.#standing.instance, stale } = frame;
    if (instance === undefined) return; // Cannot be: nothing comes before the registration.
    const more = { ...(offset !== undefined && { offset }), ...(stale && { stale }) };
    const message = { topic, seq, time, data, instance, bytes, ...more };
    if (!this.#subscriptions.push(message)) return;
    const what = 'the numbering of a topic has changed: some messages may be lost, the number is unknown';
    this.#logger.warn({ topic, instance }, what);
    this.emit('uncounted', topic);
  }

  #rejected(rejection: Rejection): void {
    if (this.#provided.rejected(rejection)) return;
    const { code, message, request, topic, id } = rejection;
    const error = new ChimedError(isErrorCode(code) ? code : 'bad-request', message);
    if (id !== undefined) return this.#requests.rejected(id, error);
    this.#logger.warn({ code, topic }, message);
    if (request !== 'chimed.register' || topic === undefined) return;
    for (const subscription of this.#subscriptions.asking(topic)) {
      subscription.end(error);
      this.#unsubscribe(subscription);
    }
  }

  #enter(state: State): void {
    this.#state = state;
    switch (state.status) {
      case 'connecting':
        break;
      case 'ready':
        this.#logger.info(
          { client: state.client, instance: state.instance, resumed: state.resumed },
          'connected to chimed',
        );
        this.#requests.sendAll(this.#frameBytes);
        this.#provided.ready(this.#frameBytes);
        break;
      case 'waiting': {
        const log = state.attempt === 1 ? this.#logger.warn : this.#logger.debug;
        log.call(
          this.#logger,
          { code: state.error.code, delayMs: state.delayMs },
          `waiting for chimed: ${state.error.message}`,
        );
        this.#requests.lost(state.error);
        this.#provided.lost();
        if (!this.#options.logger) this.#warnOnce(state.error);
        break;
      }
      case 'closed':
        this.#shutDown(state.error);
        break;
      default:
        state satisfies never;
    }
    this.emit('state', state);
  }

  /** A program that waits for a daemon that is not there looks like one that hangs. */
  #warnOnce(error: ChimedError): void {
    if (this.#warned) return;
    this.#warned = true;
    process.emitWarning(`${error.message}; retrying`, {
      type: 'ChimedWarning',
      code: 'CHIMED_WAITING',
    });
  }

  #shutDown(error: ChimedError | undefined): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#subscriptions.end(error);
    this.#provided.end(error);
    this.#requests.end(error ?? new ChimedError('closed', 'the client was closed'));
    this.#closed.resolve(error);
  }
}
