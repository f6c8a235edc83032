import { EventEmitter } from 'node:events';

import { ChimedError } from '../errors.ts';
import { silent } from '../log.ts';
import type {
  Cleared,
  Got,
  Published,
  Registered,
  RegisteredTopic,
  Reloaded,
  Sampled,
} from '../protocol/messages.ts';
import { socketPaths } from '../protocol/paths.ts';
import type { Status } from '../protocol/status-snapshot.ts';
import type { LastMessage, Reload, Sample } from './answers.ts';
import type { Client, ClientEvents, Subscription } from './api.ts';
import { carried, checkPatterns, checkedTopic } from './arguments.ts';
import { Greeting } from './greeting.ts';
import { Incoming } from './incoming.ts';
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
import { StateLog } from './state-log.ts';
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
  readonly #link: Link;
  readonly #requests: Requests;
  readonly #provided: ProvidedTopics;
  readonly #subscriptions = new Subscriptions();
  readonly #closed = Promise.withResolvers<ChimedError | undefined>();
  readonly #standing: Standing;
  readonly #greeting: Greeting;
  readonly #stateLog: StateLog;
  #topics: readonly RegisteredTopic[] = [];
  #state: State = { status: 'connecting', attempt: 1 };

  constructor(options: ConnectOptions) {
    super();
    checkConnectOptions(options);
    const { socket, retry = {}, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    this.#options = options;
    const logger = options.logger ?? silent;
    const subscriptions = this.#subscriptions;
    const standing = (this.#standing = new Standing(subscriptions, options.resume));
    this.#greeting = new Greeting(options, subscriptions, standing, logger);
    this.#stateLog = new StateLog(options.logger);
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
        hello: (afresh) => this.#greeting.hello(afresh),
        registered: (registered) => this.#registered(registered),
        frame: (frame, bytes) => incoming.take(frame, bytes),
        drained: () => {
          this.#requests.flush();
          this.#provided.drained();
        },
        state: (state) => this.#enter(state),
      },
    );
    const requests = (this.#requests = new Requests(this.#link, timeoutMs));
    const provided = (this.#provided = new ProvidedTopics(this.#link, requests, logger, {
      refused: (refusal) => this.emit('refused', refusal),
      room: () => this.emit('room'),
    }));
    const unsubscribe = (subscription: MessageQueue): void => this.#unsubscribe(subscription);
    const recipients = { subscriptions, standing, requests, provided, events: this, logger, unsubscribe };
    const incoming = new Incoming(recipients);
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

  /** Returns whether the numbering continues. */
  #registered(registered: Registered): boolean {
    const refusal = this.#greeting.refusal(registered);
    if (refusal) {
      this.#link.close(refusal);
      return false;
    }
    const { resumed, uncounted } = this.#greeting.answered(registered);
    if (uncounted) this.emit('uncounted');
    this.#topics = registered.topics;
    return resumed;
  }

  #enter(state: State): void {
    this.#state = state;
    this.#stateLog.entered(state);
    switch (state.status) {
      case 'connecting':
        break;
      case 'ready':
        this.#requests.ready(this.#greeting.frameBytes);
        this.#provided.ready(this.#greeting.frameBytes);
        break;
      case 'waiting':
        this.#requests.lost(state.error);
        this.#provided.lost();
        break;
      case 'closed':
        this.#shutDown(state.error);
        break;
      default:
        state satisfies never;
    }
    this.emit('state', state);
  }

  #shutDown(error: ChimedError | undefined): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#subscriptions.end(error);
    this.#provided.end(error);
    this.#requests.end(error ?? new ChimedError('closed', 'the client was closed'));
    this.#closed.resolve(error);
  }
}
