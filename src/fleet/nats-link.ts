import { setTimeout as wait } from 'node:timers/promises';

import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';

import type { NatsConfig } from '../config/config.ts';
import { ChimedError, messageOf } from '../errors.ts';
import type { EventLog } from '../log-events.ts';
import { backoff } from '../client/backoff.ts';
import { connectionOptions } from './connection-options.ts';
import { connectionError, permissionError } from './link-errors.ts';
import { SendWindow } from './send-window.ts';

/** How often the server is asked for a sign of life, and how long that may take, in milliseconds. */
const PING_MS = 2500;
const PONG_MS = 5000;
/** Waits between attempts, in milliseconds; each is random, up to the bound. */
const RETRY = { minMs: 250, maxMs: 3000 };
/** A connection that has lived for so long was a good one, in milliseconds. */
const STABLE_MS = 5000;
/** Longest time that a stop waits for the server to take what was published, in milliseconds. */
const DRAIN_MS = 2000;

export type OnMessage = (subject: string, data: Uint8Array) => void;

export interface NatsListener {
  /** Connected: what is published now arrives. Subscriptions that were made before are made again by then. */
  up(): void;
  /** The connection is lost; another one is tried for. */
  down(error: ChimedError): void;
  /** There is room again, after `publish` has returned false while connected. */
  room(): void;
}

interface Interest {
  readonly subject: string;
  readonly onMessage: OnMessage;
  subscription?: Subscription;
}

/**
 * The connection to a NATS server, for ever: it is made again with growing, random delays. Its own reconnection is not used:
 * nats.js drops what was published meanwhile without a word, gives up, and can wait for ever for a peer that is gone.
 */
export class NatsLink {
  #config: NatsConfig;
  readonly #listener: NatsListener;
  readonly #logger: EventLog;
  readonly #interests = new Set<Interest>();
  #connection: NatsConnection | undefined;
  #attempt = 0;
  #retry: NodeJS.Timeout | undefined;
  #connecting: Promise<void> | undefined;
  #isStopped = false;
  /** Of the connection. */
  #window: SendWindow | undefined;
  /** Permissions that were complained of. */
  readonly #refused = new Set<string>();
  /** Connections made. */
  connections = 0;
  /** When the connection was made, in milliseconds since the epoch. */
  since: number | undefined;
  /** Time to the server and back, in milliseconds. */
  rttMs: number | undefined;
  /** Why there is no connection. */
  lastError: ChimedError | undefined;

  constructor(config: NatsConfig, listener: NatsListener, logger: EventLog) {
    this.#config = config;
    this.#listener = listener;
    this.#logger = logger;
  }

  get isUp(): boolean {
    return this.#connection !== undefined;
  }

  /** The connection itself, for JetStream. */
  get connection(): NatsConnection | undefined {
    return this.#connection;
  }

  /** Host and port of the server. */
  get server(): string | undefined {
    return this.#connection?.getServer();
  }

  /** Largest payload that the server takes, in bytes. */
  get maxPayload(): number {
    return this.#connection?.info?.max_payload ?? Infinity;
  }

  open(): void {
    if (this.#isStopped || this.#connecting) return;
    this.#connecting = this.#connect().finally(() => (this.#connecting = undefined));
  }

  /** Connects anew, with settings and credentials as they are now; the old connection serves until then. */
  async renew(config: NatsConfig): Promise<void> {
    this.#config = config;
    await this.#connecting;
    clearTimeout(this.#retry);
    this.open();
    await this.#connecting;
  }

  /**
   * Publishes, if that can arrive.
   * @returns false if there is no connection, or the server reads too slowly: it was not sent.
   */
  publish(subject: string, payload: string | Uint8Array): boolean {
    const connection = this.#connection;
    if (!connection || !this.#window?.hasRoom) return false;
    try {
      connection.publish(subject, payload);
    } catch (error) {
      this.#complain(error as Error); // The server takes no payload of this size.
      return false;
    }
    this.#window.sent(payload.length);
    return true;
  }

  /** Hears a subject, also after each reconnection. @returns how to end that. */
  subscribe(subject: string, onMessage: OnMessage): () => void {
    const interest: Interest = { subject, onMessage };
    this.#interests.add(interest);
    if (this.#connection) this.#express(interest, this.#connection);
    return () => {
      this.#interests.delete(interest);
      if (interest.subscription?.isClosed() === false) interest.subscription.unsubscribe();
    };
  }

  /** Has the server take what was published, and closes the connection. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#retry);
    const connection = this.#connection;
    this.#connection = undefined;
    if (!connection) return;
    await within(DRAIN_MS, connection.flush()).catch(() => {});
    await connection.close();
  }

  async #connect(): Promise<void> {
    const before = this.#connection;
    const { servers } = this.#config;
    try {
      const { connect } = await import('@nats-io/transport-node');
      const connection = await connect(await connectionOptions(this.#config));
      if (this.#isStopped) return void (await connection.close());
      this.#adopt(connection);
      if (before) await retire(before, connection);
    } catch (error) {
      const why = error instanceof ChimedError ? error : connectionError(error, servers);
      if (this.#isStopped) return;
      if (before && this.#connection === before)
        this.#logger.error(
          { event: 'fleet-link-lost', error: why.message },
          'cannot open a new connection to NATS: the old one stays in use',
        );
      else this.#failed(why);
    }
  }

  #adopt(connection: NatsConnection): void {
    this.#connection = connection;
    this.#window = new SendWindow(connection, () => {
      if (connection === this.#connection) this.#listener.room();
    });
    this.connections++;
    this.since = Date.now();
    this.lastError = undefined;
    this.#refused.clear();
    for (const interest of this.#interests) this.#express(interest, connection);
    void connection.closed().then((error) => this.#ended(connection, error ?? undefined));
    void this.#watch(connection);
    void this.#watchPulse(connection);
    this.#logger.info({ event: 'fleet-link-made', server: connection.getServer() }, 'connected to NATS');
    this.#listener.up();
  }

  #express(interest: Interest, connection: NatsConnection): void {
    interest.subscription = connection.subscribe(interest.subject, {
      callback: (error, message: Msg) => {
        // What an earlier connection still brings comes twice at worst; whoever hears it knows by its number.
        if (!error) this.#deliver(interest, message);
      },
    });
  }

  /** nats.js reads nothing any more once a callback has thrown. */
  #deliver({ onMessage }: Interest, { subject, data }: Msg): void {
    try {
      onMessage(subject, data);
    } catch (error) {
      this.#logger.error(
        { event: 'internal-error', subject, error: messageOf(error) },
        'failed to process a message from NATS',
      );
    }
  }

  /** The server is about to go, or refuses something. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === 'ldm') this.#leave(connection);
      else if (status.type === 'error') this.#complain(status.error);
    }
  }

  /** The server is in lame duck mode: another one is looked for before it closes. */
  #leave(connection: NatsConnection): void {
    if (connection !== this.#connection) return;
    this.#logger.info(
      { event: 'fleet-link-lost', server: connection.getServer(), error: 'lame duck mode' },
      'the NATS server is shutting down: connecting to another one',
    );
    this.open();
  }

  #complain(error: Error): void {
    const { operation, subject } = error as Error & { operation?: string; subject?: string };
    const message =
      operation === undefined || subject === undefined ? error.message : permissionError(operation, subject);
    if (this.#refused.has(message) || this.#refused.size >= 100) return;
    this.#refused.add(message);
    this.#logger.warn({ event: 'fleet-refused', ...(subject !== undefined && { subject }) }, message);
  }

  /** Asks the server for a sign of life: a link can be dead in one direction, or in both, without anybody being told. */
  async #watchPulse(connection: NatsConnection): Promise<void> {
    while (connection === this.#connection) {
      const began = performance.now();
      try {
        await within(PONG_MS, connection.flush());
      } catch {
        return this.#ended(connection, new Error(`the server has not answered for ${PONG_MS} ms`));
      }
      this.rttMs = performance.now() - began;
      await wait(PING_MS, undefined, { ref: false });
    }
  }

  #ended(connection: NatsConnection, error: Error | undefined): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    void connection.close();
    if (this.#isStopped) return;
    const reason = messageOf(error ?? 'the server closed the connection');
    this.#failed(new ChimedError('no-server', `the connection to NATS is lost: ${reason}`));
  }

  #failed(error: ChimedError): void {
    // A server that closes each connection at once must not be asked without end.
    if (this.since !== undefined && Date.now() - this.since > STABLE_MS) this.#attempt = 0;
    const delayMs = backoff(++this.#attempt, RETRY, Math.random());
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.open(), delayMs);
    const isNews = error.message !== this.lastError?.message;
    this.since = undefined;
    this.rttMs = undefined;
    this.lastError = error;
    this.#logger[isNews ? 'warn' : 'debug'](
      { event: 'fleet-link-lost', error: error.message, delayMs },
      'no connection to NATS: retrying',
    );
    this.#listener.down(error);
  }
}

/** Closes a connection once another has its subscriptions: what is on its way still arrives. */
async function retire(before: NatsConnection, next: NatsConnection): Promise<void> {
  await within(DRAIN_MS, next.flush()).catch(() => {});
  await within(DRAIN_MS, before.drain()).catch(() => {});
  await before.close();
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('too late')), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
