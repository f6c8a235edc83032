import type { EventEmitter } from 'node:events';

import type { ChimedError } from '../errors.ts';
import type { Failing, Recovered, RegisteredTopic } from '../protocol/messages.ts';
import type { Status } from '../protocol/status-snapshot.ts';
import type { LastMessage, Reload, Sample } from './answers.ts';
import type { ListenOptions, PublishOptions, ResumeAfter, StatusOptions } from './options.ts';
import type { Generate, ProvideHandler, Provided, Refusal } from './provided.ts';
import type { State } from './connection-state.ts';

/** What a client emits, and with what. */
export interface ClientEvents {
  state: [State];
  /** The source of a topic fails, or for another reason than before. Comes to who joins such a topic, too. */
  failing: [Failing];
  /** The source of a topic has recovered; its message follows. */
  recovered: [Recovered];
  /**
   * Some messages may be lost, the number is unknown: the daemon began a new numbering, or `resume` was too long ago.
   * With a topic: of this one alone, whose own numbering has changed.
   */
  uncounted: [topic?: string];
  /** The daemon did not accept a message of a topic that this client provides. */
  refused: [Refusal];
  /** `Provided.send` has returned false for lack of room, and the daemon has read what was sent before. */
  room: [];
}

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
  /** Number of the message among those of all topics; absent from a daemon of version 0.1, and in what a restart has kept. */
  offset?: number;
  /** Id of the numbering that `seq` belongs to. Another id means that it began again. */
  instance: string;
  /** Present if the source has failed since: the message does not say how things are. */
  stale?: true;
}

/**
 * An endless, asynchronous list of messages. Its buffer is bounded: a loop that is slower than its topics
 * gets the newest messages, and reads in `missed` how many it lost.
 */
export interface Subscription<T = unknown> {
  /** Topics and patterns that it lists. */
  readonly patterns: readonly string[];
  /**
   * The next message; `done` once the client or this subscription was closed.
   * @throws {ChimedError} `unknown-topic`, `too-many-patterns`, or why the client gave up.
   */
  next(): Promise<IteratorResult<Message<T>, undefined>>;
  /** Ends the subscription: the daemon is told, and a loop over it ends. */
  return(): Promise<IteratorResult<Message<T>, undefined>>;
  [Symbol.asyncIterator](): Subscription<T>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A connection to the daemon that mends itself. Emits `state` at each change, and how the sources of its topics are. */
export interface Client extends EventEmitter<ClientEvents> {
  /** Where it stands now. */
  readonly state: State;
  /** The topics that the daemon has it registered for; empty before it is ready. */
  readonly topics: readonly RegisteredTopic[];
  /** Up to where it has heard its topics, for the `resume` of a later client; undefined before it was ready. */
  readonly position: ResumeAfter | undefined;
  /** Resolves when the client is closed, with the error if it gave up. Never rejects. */
  readonly closed: Promise<ChimedError | undefined>;
  /**
   * Registers for a topic, a pattern (`*` one token, a last `>` the rest) or several, and lists what comes, each
   * message once, now and after each reconnection. The loop throws a ChimedError `unknown-topic` if the daemon
   * has no such topic.
   * @throws {ChimedError} `bad-request` if something is neither a topic nor a pattern, or an option is unknown or has a
   * wrong value.
   */
  listen<T = unknown>(topics: string | readonly string[], options?: ListenOptions): Subscription<T>;
  /**
   * Publishes to a topic that takes messages (`publish: true`). Waits for a daemon if there is none yet.
   * @returns the number of the message, once the daemon has it.
   * @throws the reason of `signal` when that aborts.
   * @throws {ChimedError} `unknown-topic`, `not-publishable`, `too-large`, `bad-request`, `timeout`, `closed`;
   * `connection-lost` if nobody can tell whether the daemon got it: it is not sent again.
   */
  publish(topic: string, data: unknown, options?: PublishOptions): Promise<{ topic: string; seq: number }>;
  /**
   * Becomes the source of a topic that is configured with `provide: true`, now and after each reconnection.
   * @param how Yields the payloads while somebody listens, or is told when to send.
   * @throws {ChimedError} `bad-request` if `topic` is no topic, or this client provides it already. What the daemon refuses
   * ends it: see `Provided.ended`.
   */
  provide<T = unknown>(topic: string, how: Generate<T> | ProvideHandler): Provided;
  /**
   * Takes back what was published: whoever joins gets nothing before the next message. Needs the right to publish.
   * @throws {ChimedError} as `publish`.
   */
  clear(topic: string): Promise<void>;
  /**
   * The last message of a topic, without registering for it: nothing is woken.
   * @returns undefined if there is none, or only one that is older than the topic's `maxAge`.
   * @throws {ChimedError} `unknown-topic`, `not-allowed`, `bad-request`, `timeout`, `connection-lost`, `closed`.
   */
  get<T = unknown>(topic: string): Promise<LastMessage<T> | undefined>;
  /**
   * Has one sample taken now, by the daemon and so as its user and in its sandbox. It is sent to nobody. Only root and
   * the daemon's user may ask for that.
   * @throws {ChimedError} `source-failed` with what went wrong; `unknown-topic`, `not-allowed`, `bad-request`,
   * `timeout`, `connection-lost`, `closed`.
   */
  sample<T = unknown>(topic: string): Promise<Sample<T>>;
  /**
   * Has the daemon load its configuration again. Only root and the daemon's user may ask for that.
   * @returns what has changed.
   * @throws {ChimedError} `bad-config` with all mistakes: nothing has changed then; `not-allowed`, `timeout`,
   * `connection-lost`, `closed`.
   */
  reload(): Promise<Reload>;
  /**
   * The daemon's snapshot of itself, its clients and its topics, as far as this user may see them. Waits for a daemon
   * if there is none yet.
   * @param options.topics Topics or patterns to list. @default all
   * @param options.allClients Lists all clients, and not the first 200 only. @default false
   * @throws {ChimedError} `bad-request`, `timeout`, `connection-lost`, `closed`.
   */
  status(options?: StatusOptions): Promise<Status>;
  /** Closes the connection, ends every subscription, rejects what waits. Nothing keeps the process alive then. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
