import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import type { Config } from '../config/config.ts';
import { messageOf } from '../errors.ts';
import type { InheritedSocket } from '../linux/activation.ts';
import type { SocketCalls } from '../linux/socket-calls.ts';
import type { Logger } from '../log.ts';
import type { Status } from '../protocol/status.ts';
import type { Connection } from '../transport/connection.ts';
import { encodeFrame } from '../transport/frames.ts';
import { Mailing } from '../transport/mailing.ts';
import { Server } from '../transport/server.ts';
import type { SocketFile } from '../transport/socket-file.ts';
import { version } from '../version.ts';
import { Admission, assertEnforceable, loadSocketCalls } from './admission.ts';
import { Client } from './client.ts';
import type { ClientContext } from './client.ts';
import { Flusher } from './flusher.ts';
import { HistoryBudget } from './history-budget.ts';
import { Registry } from './registry.ts';
import { handleRequest, registeredFrame } from './requests.ts';
import type { Context } from './requests.ts';
import { needingRestart } from './restart-only.ts';
import { saveState, takeState } from './state.ts';
import type { State } from './state.ts';
import { takeStatus, takeVitals } from './status.ts';
import type { Vitals } from './supervision.ts';
import { takeSocket } from './take-socket.ts';
import { createTopicParts } from './topic-parts.ts';
import { TopicSet } from './topic-set.ts';
import type { TopicParts } from './topic.ts';

/** The daemon: wires its parts, starts them, reloads, and stops them in reverse. */
export class Daemon {
  readonly #logger: Logger;
  readonly #socketFile: SocketFile;
  readonly #calls: SocketCalls | undefined;
  readonly #server: Server;
  readonly #flusher: Flusher;
  readonly #registry = new Registry(() => this.#config.clients.maxPatterns);
  readonly #admission: Admission;
  readonly #context: Context;
  readonly #clientContext: ClientContext;
  readonly #startedAt = Date.now();
  readonly #topics: TopicSet;
  readonly #allGone = Promise.withResolvers<void>();
  #config: Config;
  #statusFrame: Buffer | undefined;
  #stopping: Promise<void> | undefined;

  /**
   * Claims the socket, listens, and serves. Resolves once clients can connect.
   * @throws {ChimedError} `bad-config`, `socket-in-use`, `not-a-socket`, `not-permitted`, `cannot-listen`;
   * nothing is left open then.
   */
  static async start(config: Config, logger: Logger, inherited?: InheritedSocket): Promise<Daemon> {
    const calls = await loadSocketCalls(logger);
    assertEnforceable(config, calls);
    const topics = await createTopicParts(config, config.topics, logger);
    const socketFile = await takeSocket(config, logger, inherited);
    const daemon = new Daemon(config, logger, socketFile, calls, ownState(config, logger, socketFile));
    try {
      await daemon.#open(topics);
      return daemon;
    } catch (error) {
      await daemon.stop('it cannot start');
      throw error;
    }
  }

  private constructor(
    config: Config,
    logger: Logger,
    socketFile: SocketFile,
    calls: SocketCalls | undefined,
    { instance, ...saved }: State,
  ) {
    this.#config = config;
    this.#logger = logger;
    this.#socketFile = socketFile;
    this.#calls = calls;
    this.#admission = new Admission(this.#registry, () => this.#config.clients, logger);
    const mailing = new Mailing(calls?.sendAll);
    this.#flusher = new Flusher(mailing);
    this.#server = new Server({
      maxFrameBytes: config.clients.frameBytes,
      frameTimeoutMs: config.clients.frameTimeoutMs,
      peerOf: calls?.peerOf,
      mailing,
      logger,
      accept: (connection) => this.#accept(connection),
    });
    const budget = new HistoryBudget(() => this.#config.history.maxBytes);
    this.#topics = new TopicSet(this.#registry, logger, budget, saved);
    this.#clientContext = {
      flusher: this.#flusher,
      logger,
      request: (client, frame) => handleRequest(client, frame, this.#context),
      gone: (client) => this.#gone(client),
    };
    this.#context = { registry: this.#registry, instance, logger, statusFrame: () => this.#encodedStatus() };
  }

  async #open(topics: TopicParts[]): Promise<void> {
    this.#topics.begin(topics);
    await this.#listen();
    this.#socketFile.keep(async () => {
      if (!this.#stopping) await this.#listen();
    });
    const fields = {
      socket: this.#socketFile.path,
      pid: process.pid,
      version: version(),
      instance: this.#context.instance,
    };
    this.#logger.info({ ...fields, topics: topics.length, config: this.#config.file }, 'listening');
  }

  #listen(): Promise<void> {
    return this.#server.listen((server) => this.#socketFile.open(server));
  }

  /**
   * Goes over to another configuration. Topics that are the same in both keep ticking and numbering.
   * @throws {ConfigError} `bad-config` if a source cannot be made; nothing has changed then.
   */
  async reload(config: Config): Promise<void> {
    assertEnforceable(config, this.#calls);
    const current = this.#registry.topics;
    const changed = config.topics.filter(
      (topic) => !isDeepStrictEqual(topic, current.get(topic.name)?.config),
    );
    const removed = [...current.keys()].filter((name) => !config.topics.some((topic) => topic.name === name));
    const parts = await createTopicParts(config, changed, this.#logger);
    if (this.#stopping) return;
    const later = needingRestart(this.#config, config);
    this.#config = config;

    const affected = [
      ...removed.flatMap((name) => this.#topics.remove(name)),
      ...parts.flatMap((part) => this.#topics.put(part)),
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
    const sources = this.#topics.close();
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
    try {
      saveState(file, { instance: this.#context.instance, ...this.#topics.save() });
    } catch (error) {
      this.#logger.error(
        { file, error: messageOf(error) },
        'the state cannot be saved: the next start begins a new numbering',
      );
    }
  }

  /** The snapshot that `chimed status` prints. */
  status(): Status {
    const facts = {
      version: version(),
      instance: this.#context.instance,
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

  #accept(connection: Connection): Client | undefined {
    const client = new Client(connection, this.#config.clients, this.#clientContext);
    const refusal = this.#admission.refusal(connection.peer);
    if (refusal) {
      if (refusal.code !== 'too-fast') client.logRejection(refusal); // The admission has logged those, once.
      connection.reject(refusal);
      return undefined;
    }
    this.#registry.addClient(client);
    this.#logger.info({ ...client.fields, groups: connection.peer?.groups }, 'client connected');
    return client;
  }

  #gone(client: Client): void {
    this.#registry.removeClient(client);
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

/** Only who owns the socket may take the state; who may not have the state lets go of the socket. */
function ownState(config: Config, logger: Logger, socketFile: SocketFile): State {
  try {
    return takeState(config.state.file, logger);
  } catch (error) {
    socketFile.release();
    throw error;
  }
}
