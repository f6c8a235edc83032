import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import type { Config } from '../config/config.ts';
import { ChimedError, messageOf } from '../errors.ts';
import { groupId } from '../linux/accounts.ts';
import type { InheritedSocket } from '../linux/activation.ts';
import type { Logger } from '../log.ts';
import type { Status } from '../protocol/status.ts';
import type { Connection, ConnectionHandler } from '../transport/connection.ts';
import { encodeFrame } from '../transport/frames.ts';
import { Server } from '../transport/server.ts';
import { claimSocket, inheritSocket } from '../transport/socket-file.ts';
import type { SocketFile } from '../transport/socket-file.ts';
import { version } from '../version.ts';
import { assertEnforceable, loadPeerOf, refusalOf } from './admission.ts';
import type { PeerOf } from './admission.ts';
import { Client } from './client.ts';
import { Flusher } from './flusher.ts';
import type { SavedMessages } from './message-log.ts';
import { Registry } from './registry.ts';
import { handleRequest, registeredFrame } from './requests.ts';
import type { Context } from './requests.ts';
import { saveState, takeState } from './state.ts';
import { takeStatus, takeVitals } from './status.ts';
import type { Vitals } from './supervision.ts';
import { createTopicParts } from './topic-parts.ts';
import { Topic } from './topic.ts';
import type { TopicParts } from './topic.ts';

/** The daemon: wires its parts, starts them, reloads, and stops them in reverse. */
export class Daemon {
  readonly #logger: Logger;
  readonly #socketFile: SocketFile;
  readonly #peerOf: PeerOf | undefined;
  readonly #server: Server;
  readonly #flusher = new Flusher();
  readonly #registry = new Registry(() => this.#config.clients.maxPatterns);
  readonly #context: Context;
  readonly #startedAt = Date.now();
  /** Numbering of topics that are not configured now: should they come back, they go on from there. */
  readonly #numbering: Map<string, SavedMessages>;
  readonly #allGone = Promise.withResolvers<void>();
  /** Settles when the sources of removed topics have ended. */
  #closing: Promise<unknown> = Promise.resolve();
  #config: Config;
  #statusFrame: Buffer | undefined;
  #stopping: Promise<void> | undefined;

  /**
   * Claims the socket, listens, and serves. Resolves once clients can connect.
   * @throws {ChimedError} `bad-config`, `socket-in-use`, `not-a-socket`, `not-permitted`, `cannot-listen`;
   * nothing is left open then.
   */
  static async start(config: Config, logger: Logger, inherited?: InheritedSocket): Promise<Daemon> {
    const peerOf = await loadPeerOf(logger);
    assertEnforceable(config, peerOf);
    const topics = await createTopicParts(config, config.topics, logger);
    const socketFile = await takeSocket(config, logger, inherited);
    const daemon = new Daemon(config, logger, socketFile, peerOf);
    try {
      await daemon.#open(topics);
      return daemon;
    } catch (error) {
      await daemon.stop('it cannot start');
      throw error;
    }
  }

  private constructor(config: Config, logger: Logger, socketFile: SocketFile, peerOf: PeerOf | undefined) {
    this.#config = config;
    this.#logger = logger;
    this.#socketFile = socketFile;
    this.#peerOf = peerOf;
    this.#server = new Server({
      maxFrameBytes: config.clients.frameBytes,
      frameTimeoutMs: config.clients.frameTimeoutMs,
      peerOf,
      logger,
      accept: (connection) => this.#accept(connection),
    });
    // Only who owns the socket may take the state.
    const { instance, topics } = takeState(config.state.file, logger);
    this.#numbering = new Map(Object.entries(topics));
    this.#context = { registry: this.#registry, instance, logger, statusFrame: () => this.#encodedStatus() };
  }

  async #open(topics: TopicParts[]): Promise<void> {
    for (const parts of topics) this.#putTopic(parts);
    await this.#server.listen((server) => this.#socketFile.open(server));
    const fields = {
      socket: this.#socketFile.path,
      pid: process.pid,
      version: version(),
      instance: this.#context.instance,
    };
    this.#logger.info({ ...fields, topics: topics.length, config: this.#config.file }, 'listening');
  }

  /**
   * Goes over to another configuration. Topics that are the same in both keep ticking and numbering.
   * @throws {ConfigError} `bad-config` if a source cannot be made; nothing has changed then.
   */
  async reload(config: Config): Promise<void> {
    assertEnforceable(config, this.#peerOf);
    const current = this.#registry.topics;
    const changed = config.topics.filter(
      (topic) => !isDeepStrictEqual(topic, current.get(topic.name)?.config),
    );
    const removed = [...current.keys()].filter((name) => !config.topics.some((topic) => topic.name === name));
    const parts = await createTopicParts(config, changed, this.#logger);
    if (this.#stopping) return;
    const later = restartOnly.filter((key) => !isDeepStrictEqual(get(config, key), get(this.#config, key)));
    this.#config = config;

    const affected = [
      ...removed.flatMap((name) => this.#removeTopic(name)),
      ...parts.flatMap((part) => this.#putTopic(part)),
    ];
    for (const client of new Set(affected)) client.answer(registeredFrame(client, this.#context));
    this.#logger.info({ config: config.file, changed: changed.map(({ name }) => name), removed }, 'reloaded');
    if (later.length > 0)
      this.#logger.warn({ settings: later }, 'these settings have changed and need a restart');
  }

  /** Stops: once, however often it is called. Never rejects. */
  stop(reason: string): Promise<void> {
    this.#stopping ??= this.#stop(reason);
    return this.#stopping;
  }

  async #stop(reason: string): Promise<void> {
    const { timeoutMs } = this.#config.shutdown;
    const clients = [...this.#registry.clients.values()];
    this.#logger.info({ reason, clients: clients.length }, 'stopping');
    this.#server.stopAccepting();
    const sources = Promise.all([
      this.#closing,
      ...[...this.#registry.topics.values()].map((topic) => topic.close()),
    ]);
    this.#flusher.flush();
    const lastWords = encodeFrame({ type: 'chimed.stopping', data: { reason } });
    for (const client of clients) client.connection.end('the daemon stopped', lastWords, timeoutMs);
    if (clients.length === 0) this.#allGone.resolve();
    await Promise.race([
      Promise.all([sources, this.#allGone.promise]),
      wait(timeoutMs, undefined, { ref: false }),
    ]);
    this.#save();
    this.#socketFile.release();
    this.#logger.info({ upSeconds: Math.round((Date.now() - this.#startedAt) / 1000) }, 'stopped');
  }

  #save(): void {
    const { file } = this.#config.state;
    if (file === undefined) return;
    const { registry, instance } = this.#context;
    const topics = [...registry.topics].map(([name, topic]) => [name, topic.save()] as const);
    try {
      saveState(file, {
        instance,
        topics: Object.fromEntries([...this.#numbering, ...topics]),
      });
    } catch (error) {
      this.#logger.error(
        { file, error: messageOf(error) },
        'the state cannot be saved: the next start begins a new numbering',
      );
    }
  }

  /** The snapshot that `chimed status` prints. */
  status(): Status {
    const { instance } = this.#context;
    const facts = {
      version: version(),
      instance,
      startedAt: this.#startedAt,
      configFile: this.#config.file,
      socketPath: this.#socketFile.path,
    };
    return takeStatus(facts, this.#registry);
  }

  /** Signs of life, for whoever supervises us. */
  vitals(): Vitals {
    return takeVitals(this.#registry);
  }

  /** Longest time that `stop` takes, in milliseconds. */
  get stopTimeoutMs(): number {
    return this.#config.shutdown.timeoutMs;
  }

  /** Adds a topic, or changes one; returns the clients who now hear more or less than before. */
  #putTopic(parts: TopicParts): Client[] {
    const { name } = parts.config;
    const existing = this.#registry.topics.get(name);
    if (existing) {
      existing.replace(parts);
      return this.#registry.refreshTopic(existing);
    }
    const topic = new Topic(parts, this.#logger, this.#numbering.get(name));
    this.#numbering.delete(name);
    topic.open();
    return this.#registry.addTopic(topic);
  }

  /** Removes a topic; returns the clients who heard it. */
  #removeTopic(name: string): Client[] {
    const topic = this.#registry.topic(name);
    const audience = this.#registry.removeTopic(topic);
    this.#numbering.set(name, topic.save());
    this.#closing = Promise.allSettled([this.#closing, topic.close()]);
    return audience;
  }

  #accept(connection: Connection): ConnectionHandler {
    const client = new Client(connection, {
      flusher: this.#flusher,
      limits: this.#config.clients,
      logger: this.#logger,
      onRequest: (sender, frame) => handleRequest(sender, frame, this.#context),
    });
    const refusal = refusalOf(connection.peer, this.#registry, this.#config.clients);
    if (refusal) {
      client.logRejection(refusal);
      connection.reject(refusal);
      return { frame() {}, violated() {}, drained() {}, closed() {} };
    }
    this.#registry.addClient(client);
    this.#logger.info({ ...client.fields, groups: connection.peer?.groups }, 'client connected');
    return {
      frame: (frame) => client.frame(frame),
      violated: ({ code, message }) => client.logRejection({ code, message }),
      drained: () => client.drained(),
      closed: (reason) => this.#closed(client, reason),
    };
  }

  #closed(client: Client, reason: string): void {
    this.#registry.removeClient(client);
    client.closed(reason);
    if (this.#stopping && this.#registry.clients.size === 0) this.#allGone.resolve();
  }

  /** Encoded once a turn, so that many who ask cost no more than one. */
  #encodedStatus(): Buffer {
    if (!this.#statusFrame) {
      this.#statusFrame = encodeFrame({ type: 'chimed.status', data: this.status() });
      setImmediate(() => (this.#statusFrame = undefined));
    }
    return this.#statusFrame;
  }
}

/** The socket that the service manager passed, else the one at our own path. */
async function takeSocket(config: Config, logger: Logger, inherited?: InheritedSocket): Promise<SocketFile> {
  const { group, ...options } = config.socket;
  if (inherited) return inheritSocket(inherited, options.backlog);
  const gid = group === undefined ? {} : { gid: socketGroupId(group) };
  return claimSocket({ ...options, ...gid, logger });
}

function socketGroupId(group: string): number {
  try {
    return groupId(group);
  } catch (error) {
    throw new ChimedError('bad-config', `socket.group: ${messageOf(error)}`, { cause: error });
  }
}

/** Settings that a reload cannot change. */
const restartOnly = ['socket', 'state', 'clients.frameBytes', 'clients.frameTimeoutMs'] as const;

function get(config: Config, key: (typeof restartOnly)[number]): unknown {
  return key.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], config);
}
