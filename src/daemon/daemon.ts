import { setTimeout as wait } from 'node:timers/promises';

import type { Config } from '../config/config.ts';
import { ChimedError, messageOf } from '../errors.ts';
import type { InheritedSocket } from '../linux/activation.ts';
import { useIfSupported } from '../linux/if-supported.ts';
import type { SocketCalls } from '../linux/socket-calls.ts';
import type { EventLog } from '../log-events.ts';
import type { Logger } from '../log.ts';
import type { Reloaded } from '../protocol/messages.ts';
import type { ReloadStatus } from '../protocol/status-snapshot.ts';
import type { Connection } from '../transport/connection.ts';
import { encodeFrame } from '../transport/frames.ts';
import { Server } from '../transport/server.ts';
import type { SocketFile } from '../transport/socket-file.ts';
import { version } from '../protocol/version.ts';
import { withRest } from '../text.ts';
import { BoundedLog } from '../bounded-log.ts';
import { Scheduler } from './schedule/scheduler.ts';
import { Session } from './session.ts';
import type { SessionContext } from './session.ts';
import { Delivery } from './delivery/delivery.ts';
import { HistoryBudget } from './topics/history-budget.ts';
import { Offsets } from './topics/offsets.ts';
import { dismissForbidden } from './requests/act-for.ts';
import { handleRequest } from './requests/handle-request.ts';
import { Announcer } from './requests/announcer.ts';
import { withdrawAll } from './requests/provide.ts';
import { leaveAll, registeredFrame } from './requests/registration.ts';
import type { RequestContext } from './requests/request-context.ts';
import { needingRestart } from './restart-only.ts';
import { saveState, takeState } from './topics/state.ts';
import type { SavedState } from './topics/state.ts';
import { eventLoopStatus, takeHealth } from './health.ts';
import type { Health } from './health.ts';
import type { DaemonFacts } from './requests/snapshot.ts';
import { Admission, assertEnforceable, loadSocketCalls } from './subscribers/admission.ts';
import { SubscriptionIndex } from './subscribers/subscription-index.ts';
import { Turns } from './subscribers/turns.ts';
import { Users } from './subscribers/users.ts';
import { listeningSocket } from './listening-socket.ts';
import { createTopicParts } from './topics/topic-parts.ts';
import { TopicChanges } from './topic-changes.ts';
import { newTotals } from './totals.ts';
import { TopicSet } from './topics/topic-set.ts';
import type { TopicParts } from './topics/topic-parts.ts';

/** What a reload has done: the file, the topics that have changed and that are gone, what needs a restart. */
export type ReloadResult = Omit<Reloaded, 'id'>;

export interface DaemonOptions {
  /** A socket that somebody else has opened for the daemon. */
  inherited?: InheritedSocket | undefined;
  /** Loads the configuration again and calls `reload`, for a client that asks for it. */
  reload: () => Promise<ReloadResult>;
}

/** Topics that a log line names, and the answer to a reload. */
const MOST_NAMED = 100;

/** The daemon: wires its parts, starts them, reloads, and stops them in reverse. */
export class Daemon {
  readonly #logger: Logger;
  readonly #socketFile: SocketFile;
  readonly #calls: SocketCalls | undefined;
  readonly #server: Server;
  readonly #delivery: Delivery;
  readonly #scheduler: Scheduler;
  readonly #totals = newTotals();
  readonly #index = new SubscriptionIndex();
  readonly #clients = new Map<number, Session>();
  readonly #users: Users;
  readonly #admission: Admission;
  readonly #context: RequestContext;
  readonly #clientContext: SessionContext;
  readonly #startedAt = Date.now();
  readonly #topics: TopicSet;
  readonly #allGone = Promise.withResolvers<void>();
  #config: Config;
  /** What is in force of the settings that need a restart. */
  readonly #startedWith: Config;
  #stopping: Promise<void> | undefined;
  #lastReload: ReloadStatus | null = null;

  /**
   * Claims the socket, listens, and serves. Resolves once clients can connect.
   * @throws {ChimedError} `bad-config`, `socket-in-use`, `not-a-socket`, `not-permitted`, `cannot-listen`;
   * nothing is left open then.
   */
  static async start(config: Config, logger: Logger, { inherited, reload }: DaemonOptions): Promise<Daemon> {
    const calls = await loadSocketCalls(logger);
    assertEnforceable(config, calls);
    const topics = config.topics.map((topic) => createTopicParts(config, topic, logger));
    const socketFile = await listeningSocket(config, logger, inherited);
    const state = ownState(config, logger, socketFile);
    await useIfSupported(
      () => import('../linux/malloc.ts'),
      ({ mapLargeBlocks }) => mapLargeBlocks(),
    );
    const daemon = new Daemon(config, logger, socketFile, calls, state, reload);
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
    { instance, ...saved }: SavedState,
    reload: RequestContext['reload'],
  ) {
    this.#config = this.#startedWith = config;
    this.#logger = logger;
    this.#socketFile = socketFile;
    this.#calls = calls;
    this.#delivery = new Delivery(calls?.sendAll);
    this.#scheduler = new Scheduler(this.#delivery.flushAfter);
    this.#users = new Users(() => this.#config.clients, logger);
    this.#admission = new Admission(
      this.#users,
      () => this.#config.clients,
      logger,
      () => this.#config.web.uid,
    );
    this.#server = new Server({
      maxFrameBytes: config.clients.frameBytes,
      frameTimeoutMs: config.clients.frameTimeoutMs,
      calls,
      logger: new BoundedLog(logger, {}, BoundedLog.forAll()),
      refuse: (peer) => this.#admission.enter(peer),
      accept: (connection) => this.#accept(connection),
    });
    const budget = new HistoryBudget(() => this.#config.history.maxBytes);
    const offsets = new Offsets(saved.offset);
    const tools = { scheduler: this.#scheduler, offsets, totals: this.#totals, instance, budget };
    this.#topics = new TopicSet(this.#index, logger, tools, saved);
    this.#clientContext = {
      delivery: this.#delivery,
      totals: this.#totals,
      turns: new Turns(this.#delivery.flush),
      request: (client, frame) => handleRequest(client, frame, this.#context),
      leave: (client) => this.#leave(client),
      gone: (client) => this.#gone(client),
      charge: (user, bytes) => this.#users.charge(user, bytes),
    };
    this.#context = {
      topics: this.#topics,
      index: this.#index,
      clients: this.#clients,
      users: this.#users,
      admission: this.#admission,
      announcer: new Announcer((client) => client.answer(registeredFrame(client, this.#context))),
      gateway: () => this.#config.web.uid,
      instance,
      offsets,
      maxPatterns: () => this.#config.clients.maxPatterns,
      facts: () => this.#facts(),
      frameBytes: config.clients.frameBytes,
      reload,
    };
  }

  async #open(topics: TopicParts[]): Promise<void> {
    this.#topics.begin(topics, this.#config.namespaces);
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
    this.#logger.info(
      { event: 'listening', ...fields, topics: topics.length, config: this.#config.file },
      'listening',
    );
    this.#tellDoubts();
  }

  #tellDoubts(): void {
    for (const doubt of this.#config.doubts ?? [])
      this.#logger.warn(
        { event: 'configuration-doubtful', doubt },
        'the configuration may not have the intended effect',
      );
  }

  #listen(): Promise<void> {
    return this.#server.listen((server) => this.#socketFile.open(server));
  }

  /**
   * Goes over to another configuration. Topics that are the same in both keep ticking and numbering. No tick waits for
   * it: what is much is done in several turns of the event loop.
   * @throws {ConfigError} `bad-config` if a source cannot be made; nothing has changed then.
   */
  async reload(config: Config): Promise<ReloadResult> {
    assertEnforceable(config, this.#calls);
    const changes = await TopicChanges.between(this.#topics, config, this.#logger);
    if (this.#stopping) throw new ChimedError('closed', 'the daemon stops');
    const later = needingRestart(this.#startedWith, config);
    this.#config = config;
    await dismissForbidden(this.#context);
    await changes.apply(this.#context);
    this.#lastReload = { at: Date.now(), failed: false, error: null };
    const { changed, removed } = changes;
    const result: ReloadResult = {
      config: config.file,
      changed: firstNames(changed),
      changedCount: changed.length,
      removed: firstNames(removed),
      removedCount: removed.length,
      needRestart: later,
    };
    this.#logger.info(
      {
        event: 'reloaded',
        config: config.file,
        changed: withRest(result.changed, changed.length),
        removed: withRest(result.removed, removed.length),
      },
      'reloaded',
    );
    if (later.length > 0)
      this.#logger.warn(
        { event: 'settings-need-restart', settings: later },
        'these settings have changed and need a restart',
      );
    this.#tellDoubts();
    return result;
  }

  /** Stops: once, however often it is called. Never rejects. */
  stop(reason: string): Promise<void> {
    this.#stopping ??= this.#stop(reason);
    return this.#stopping;
  }

  async #stop(reason: string): Promise<void> {
    const { timeoutMs } = this.#config.shutdown;
    const clients = [...this.#clients.values()];
    this.#logger.info({ event: 'stopping', reason, clients: clients.length }, 'stopping');
    this.#server.stopAccepting();
    const sources = this.#topics.close();
    this.#delivery.flush();
    const lastWords = encodeFrame({ type: 'chimed.stopping', data: { reason } });
    for (const client of clients) client.connection.end('the daemon stopped', lastWords, timeoutMs);
    if (clients.length === 0) this.#allGone.resolve();
    await Promise.race([
      Promise.all([sources, this.#allGone.promise]),
      wait(timeoutMs, undefined, { ref: false }),
    ]);
    this.#save();
    this.#users.close();
    this.#socketFile.release();
    this.#logger.info(
      { event: 'stopped', upSeconds: Math.round((Date.now() - this.#startedAt) / 1000) },
      'stopped',
    );
  }

  #save(): void {
    const { file } = this.#config.state;
    if (file === undefined) return;
    try {
      saveState(file, { instance: this.#context.instance, ...this.#topics.save() });
    } catch (error) {
      this.#logger.error(
        { event: 'state-not-saved', file, error: messageOf(error) },
        'the state cannot be saved: the next start begins a new numbering',
      );
    }
  }

  /** What the status says of the daemon itself. */
  #facts(): DaemonFacts {
    return {
      version: version(),
      instance: this.#context.instance,
      startedAt: this.#startedAt,
      configFile: this.#config.file,
      socketPath: this.#socketFile.path,
      reload: this.#lastReload,
      totals: this.#totals,
      eventLoop: eventLoopStatus(this.#scheduler),
    };
  }

  /** A configuration could not be loaded: the status shows it. */
  reloadFailed(error: unknown): void {
    this.#logger.error(
      { event: 'reload-failed', error: messageOf(error) },
      'reload failed: the old configuration stays',
    );
    this.#lastReload = { at: Date.now(), failed: true, error: messageOf(error) };
  }

  /** Signs of life, for whoever supervises us. */
  health(): Health {
    return takeHealth(this.#clients.size, this.#topics, this.#scheduler, this.#totals);
  }

  /** Longest time that `stop` takes, in milliseconds. */
  get stopTimeoutMs(): number {
    return this.#config.shutdown.timeoutMs;
  }

  #accept(connection: Connection): Session {
    const user = this.#users.of(connection.peer?.uid);
    const client = new Session(connection, user, this.#config.clients, this.#clientContext);
    this.#clients.set(client.id, client);
    this.#totals.connections++;
    return client;
  }

  *#leave(client: Session): Generator<void> {
    yield* withdrawAll(client, this.#context);
    yield* leaveAll(client, this.#context);
  }

  #gone(client: Session): void {
    client.user.clients.delete(client);
    this.#clients.delete(client.id);
    this.#admission.leave(client.onBehalfOf !== undefined);
    if (this.#stopping && this.#clients.size === 0) this.#allGone.resolve();
  }
}

/** The names that a log line and an answer have room for. */
function firstNames(topics: readonly { name: string }[]): string[] {
  return topics.slice(0, MOST_NAMED).map(({ name }) => name);
}

/** Only who owns the socket may take the state; who may not have the state lets go of the socket. */
function ownState(config: Config, logger: EventLog, socketFile: SocketFile): SavedState {
  try {
    return takeState(config.state.file, logger);
  } catch (error) {
    socketFile.release();
    throw error;
  }
}
