import { EventEmitter } from 'node:events';

import { ChimedError, isErrorCode, messageOf } from '../errors.ts';
import { silent } from '../log.ts';
import type { Logger } from '../log.ts';
import { toJson } from '../protocol/json.ts';
import type {
  Failing,
  Frame,
  Published,
  Recovered,
  Registered,
  RegisteredTopic,
  Rejection,
} from '../protocol/messages.ts';
import { socketPaths } from '../protocol/paths.ts';
import type { Status } from '../protocol/status.ts';
import { isPattern, isTopic } from '../protocol/topics.ts';
import { Link } from './link.ts';
import type { State } from './link.ts';
import { DEFAULT_BUFFER, DEFAULT_RETRY, DEFAULT_TIMEOUT_MS } from './options.ts';
import type { ConnectOptions, ListenOptions, StatusOptions } from './options.ts';
import { Requests } from './requests.ts';
import { Subscription } from './subscription.ts';
import { Subscriptions } from './subscriptions.ts';

/**
 * Connects to the daemon. Returns at once, and connects, registers and resumes for as long as it takes.
 * @throws {ChimedError} `bad-request` if the name is too long.
 */
export function connect(options: ConnectOptions = {}): Client {
  return new Client(options);
}

/** What a client emits, and with what. */
export interface ClientEvents {
  state: [State];
  /** The source of a topic fails, or for another reason than before. Comes to who joins such a topic, too. */
  failing: [Failing];
  /** The source of a topic has recovered; its message follows. */
  recovered: [Recovered];
}

/** A connection to the daemon that mends itself. Emits `state` at each change, and how the sources of its topics are. */
export class Client extends EventEmitter<ClientEvents> {
  readonly #options: ConnectOptions;
  readonly #logger: Logger;
  readonly #link: Link;
  readonly #requests: Requests;
  readonly #subscriptions = new Subscriptions();
  readonly #closed = Promise.withResolvers<ChimedError | undefined>();
  #instance: string | undefined;
  #topics: readonly RegisteredTopic[] = [];
  #state: State = { status: 'connecting', attempt: 1 };

  /** Use `connect`. */
  constructor(options: ConnectOptions) {
    super();
    const { socket, retry = {}, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
    if ((options.name?.length ?? 0) > 100)
      throw new ChimedError('bad-request', 'a name has at most 100 characters');
    this.#options = options;
    this.#logger = options.logger ?? silent;
    this.#link = new Link(
      {
        paths: () => (socket === undefined ? socketPaths() : [socket]),
        retry: retry && { ...DEFAULT_RETRY, ...retry },
        timeoutMs,
      },
      {
        hello: () => this.#hello(),
        registered: (registered) => this.#registered(registered),
        frame: (frame) => this.#frame(frame),
        state: (state) => this.#enter(state),
      },
    );
    this.#requests = new Requests(this.#link, timeoutMs);
    if (signal?.aborted) {
      this.#link.close();
      return;
    }
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#link.open();
  }

  /** Where it stands now. */
  get state(): State {
    return this.#state;
  }

  /** The topics that the daemon has it registered for; empty before it is ready. */
  get topics(): readonly RegisteredTopic[] {
    return this.#topics;
  }

  /** Resolves when the client is closed, with the error if it gave up. Never rejects. */
  get closed(): Promise<ChimedError | undefined> {
    return this.#closed.promise;
  }

  /**
   * Registers for a topic, a pattern (`*` one token, a last `>` the rest) or several, and lists what comes, each
   * message once, now and after each reconnection. The loop throws a ChimedError `unknown-topic` if the daemon
   * has no such topic.
   * @throws {ChimedError} `bad-request` if something is neither a topic nor a pattern.
   */
  listen<T = unknown>(topics: string | readonly string[], options: ListenOptions = {}): Subscription<T> {
    const patterns = typeof topics === 'string' ? [topics] : topics;
    if (!Array.isArray(patterns) || patterns.length === 0)
      throw new ChimedError(
        'bad-request',
        'listen takes a topic, a pattern, or a list of them that is not empty',
      );
    for (const pattern of patterns) {
      if (isPattern(pattern)) continue;
      const message = `${JSON.stringify(pattern)} is neither a topic nor a pattern such as host.> or host.*`;
      throw new ChimedError('bad-request', message);
    }
    const { buffer = DEFAULT_BUFFER } = options;
    const subscription: Subscription = new Subscription(patterns, buffer, () =>
      this.#unsubscribe(subscription),
    );
    // What type the payloads have is for the caller to know; nothing here depends on it.
    const typed = subscription as Subscription<T>;
    if (this.#state.status === 'closed') {
      subscription.end(this.#state.error);
      return typed;
    }
    this.#tell('chimed.register', this.#subscriptions.add(subscription));
    return typed;
  }

  /**
   * Publishes to a topic that takes messages (`publish: true`). Waits for a daemon if there is none yet.
   * @returns the number of the message, once the daemon has it.
   * @throws {ChimedError} `unknown-topic`, `not-publishable`, `too-large`, `bad-request`, `timeout`, `closed`;
   * `connection-lost` if nobody can tell whether the daemon got it: it is not sent again.
   */
  async publish(topic: string, data: unknown): Promise<{ topic: string; seq: number }> {
    if (!isTopic(topic))
      throw new ChimedError('bad-request', `${JSON.stringify(topic)} is not the name of a topic`);
    assertCarried(data);
    const { seq } = await this.#requests.publish(topic, data);
    return { topic, seq };
  }

  /**
   * The daemon's snapshot of itself, its clients and its topics, as far as this user may see them. Waits for a daemon
   * if there is none yet.
   * @param options.topics Topics or patterns to list. @default all
   * @throws {ChimedError} `timeout`, `connection-lost`, `closed`.
   */
  status(options: StatusOptions = {}): Promise<Status> {
    return this.#requests.status(options.topics);
  }

  /** Closes the connection, ends every subscription, rejects what waits. Nothing keeps the process alive then. */
  async close(): Promise<void> {
    if (this.#state.status !== 'closed') this.#link.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  readonly #onAbort = (): void => void this.close();

  #unsubscribe(subscription: Subscription): void {
    this.#tell('chimed.unregister', this.#subscriptions.remove(subscription));
  }

  /** Says what has changed, if anything; a daemon that is not there yet hears it all when it is. */
  #tell(type: string, topics: string[]): void {
    if (topics.length > 0 && this.#link.greeted) this.#link.send({ type, data: { topics } });
  }

  #hello(): Frame {
    const { patterns, heard } = this.#subscriptions;
    const { name } = this.#options;
    const resume = this.#instance !== undefined && { resume: { instance: this.#instance, after: heard } };
    return {
      type: 'chimed.register',
      data: { topics: patterns, ...(name !== undefined && { name }), ...resume },
    };
  }

  #registered({ instance, topics }: Registered): boolean {
    const resumed = this.#instance === instance;
    if (this.#instance !== undefined && !resumed) {
      this.#subscriptions.forget();
      this.#logger.warn(
        { instance },
        'the daemon began a new numbering: messages may be missing that nobody can count',
      );
    }
    this.#instance = instance;
    this.#topics = topics;
    return resumed;
  }

  #frame(frame: Frame): void {
    switch (frame.type) {
      case 'chimed.published':
        return this.#requests.published(frame.data as Published);
      case 'chimed.status':
        return this.#requests.statusCame(frame.data as Status);
      case 'chimed.rejected':
        return this.#rejected(frame.data as Rejection);
      case 'chimed.failing':
        return this.#failing(frame.data as Failing);
      case 'chimed.recovered':
        return this.#recovered(frame.data as Recovered);
      default:
        this.#message(frame);
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

  #message({ type: topic, data, seq = 0, time = 0, stale }: Frame): void {
    if (this.#instance === undefined) return; // Cannot be: nothing comes before the registration.
    const mark = stale && { stale };
    this.#subscriptions.push({ topic, seq, time, data, instance: this.#instance, ...mark });
  }

  #rejected({ code, message, topic, id }: Rejection): void {
    const error = new ChimedError(isErrorCode(code) ? code : 'bad-request', message);
    if (id !== undefined) return this.#requests.rejected(id, error);
    this.#logger.warn({ code, topic }, message);
    for (const subscription of topic === undefined ? [] : this.#subscriptions.asking(topic)) {
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
        this.#requests.sendAll();
        break;
      case 'waiting': {
        const log = state.attempt === 1 ? this.#logger.warn : this.#logger.debug;
        log.call(
          this.#logger,
          { code: state.error.code, delayMs: state.delayMs },
          `waiting for chimed: ${state.error.message}`,
        );
        this.#requests.lost(state.error);
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

  #shutDown(error: ChimedError | undefined): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#subscriptions.end(error);
    this.#requests.end(error ?? new ChimedError('closed', 'the client was closed'));
    this.#closed.resolve(error);
  }
}

/** @throws {ChimedError} `bad-request` for what JSON cannot carry, such as NaN, a Map or a circle. */
function assertCarried(data: unknown): void {
  try {
    toJson(data);
  } catch (error) {
    throw new ChimedError('bad-request', `the data cannot be sent: ${messageOf(error)}`, { cause: error });
  }
}
