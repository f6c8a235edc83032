import type { ChimedError } from '../errors.ts';
import type { Peer } from '../linux/peer.ts';
import type { Logger } from '../log.ts';
import type { Frame, Rejection } from '../protocol/messages.ts';
import type { Connection, ConnectionHandler } from '../transport/connection.ts';
import { encodeFrame } from '../transport/frames.ts';
import type { Flusher } from './flusher.ts';
import { Outbox } from './outbox.ts';
import type { OutboxLimits, OutboxListener } from './outbox.ts';
import { Rate } from './rate.ts';
import type { Subscriber } from './topic.ts';

/** How long one who asks too fast is not read from. */
const SLOW_DOWN_MS = 100;

/** Requests of one client in one turn of the event loop: some 10 ms of the dearest ones. */
const MOST_A_TURN = 500;

/** What clients share. */
export interface ClientContext {
  flusher: Flusher;
  logger: Logger;
  /** Does what a frame asks for. */
  request: (client: Client, frame: Frame) => void;
  /** The client's connection is gone. */
  gone: (client: Client) => void;
}

/** What the configuration allows a client, as it stands when the client connects. */
export type ClientLimits = OutboxLimits & { requestsPerSecond: number };

/** One connected client: what it is registered for, what waits for it, and what is logged of it. */
export class Client implements Subscriber, ConnectionHandler, OutboxListener {
  readonly id: number;
  readonly connection: Connection;
  /** Topics and patterns that it is registered for. */
  readonly patterns = new Set<string>();
  /** When it connected, in milliseconds since the epoch. */
  readonly since = Date.now();
  name: string | undefined;
  readonly #context: ClientContext;
  readonly #limits: ClientLimits;
  readonly #outbox: Outbox;
  /** What it asked for while it left earlier answers unread, or too fast: at most what one chunk holds. */
  #deferred: Frame[] = [];
  readonly #requests: Rate;
  #askedThisTurn = 0;
  #slowedDown: NodeJS.Timeout | undefined;
  #toldTooFast = false;
  readonly #registrations = Rate.ofLines();
  #lostWhileAway = 0;
  #rejections = 0;

  constructor(connection: Connection, limits: ClientLimits, context: ClientContext) {
    this.id = connection.id;
    this.connection = connection;
    this.#context = context;
    this.#limits = limits;
    this.#requests = new Rate(limits.requestsPerSecond, 1);
    this.#outbox = new Outbox(connection, context.flusher, limits, this);
  }

  /** Who it is, as the kernel says. */
  get peer(): Peer | undefined {
    return this.connection.peer;
  }

  /** What every line about this client says of it. */
  get fields(): object {
    const { pid, uid, gid } = this.peer ?? {};
    return {
      client: this.id,
      ...(this.name !== undefined && { name: this.name }),
      ...(this.peer && { pid, uid, gid }),
    };
  }

  get sent(): number {
    return this.#outbox.sent;
  }

  /** Messages that this connection was not sent: while it was slow, or before it came back. */
  get skipped(): number {
    return this.#outbox.skipped + this.#lostWhileAway;
  }

  get pendingBytes(): number {
    return this.#outbox.pendingBytes;
  }

  /** True while as much waits for it as may. */
  get full(): boolean {
    return this.#outbox.full;
  }

  message(topic: string, frame: Buffer): void {
    this.#outbox.message(topic, frame);
  }

  /** Drops what is held back of a topic that it may not hear any more. */
  forget(topic: string): void {
    this.#outbox.forget(topic);
  }

  /** It has registered. Who only asks for the status, or publishes, registers for nothing, and is not worth a line. */
  logRegistration(topics: readonly string[]): void {
    const { logger } = this.#context;
    const log = topics.length > 0 && this.#registrations.take() ? logger.info : logger.debug;
    log.call(logger, { ...this.fields, topics: [...this.patterns] }, 'client registered');
  }

  /** Answers a request. */
  answer(frame: Frame | Buffer): void {
    this.#outbox.control(Buffer.isBuffer(frame) ? frame : encodeFrame(frame));
  }

  /** Refuses something that the client asked for, and keeps it. Logged once per client. */
  refuse(rejection: Rejection): void {
    this.logRejection(rejection);
    this.answer({ type: 'chimed.rejected', data: rejection });
  }

  logRejection({ code, message, request }: Rejection): void {
    if (++this.#rejections > 1) return;
    this.#context.logger.warn({ ...this.fields, code, request }, `rejected: ${message}`);
  }

  /** A frame came. One who leaves its answers unread, or asks too fast, is not read from for a while. */
  frame(frame: Frame): void {
    if (this.#deferred.length === 0 && this.#mayAsk(frame)) return this.#context.request(this, frame);
    this.#deferred.push(frame);
    this.connection.pause();
  }

  /** There is room for it again. */
  drained(): void {
    if (this.connection.ended) return;
    this.#outbox.drained();
    this.#resume();
  }

  /** Does what was put off, as far as it may be done now. */
  #resume(): void {
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const frame of deferred) this.frame(frame);
    if (deferred.length > 0 && this.#deferred.length === 0) this.connection.resume();
  }

  #mayAsk(frame: Frame): boolean {
    if (this.#outbox.full) {
      this.#outbox.wantRoom();
      return false;
    }
    if (this.#askedThisTurn === MOST_A_TURN) return false; // The end of the turn resumes.
    if (this.#requests.take()) {
      if (this.#askedThisTurn++ === 0) setImmediate(endTurn, this);
      return true;
    }
    this.#slowedDown ??= setTimeout(() => {
      this.#slowedDown = undefined;
      if (!this.connection.ended) this.connection.guard(() => this.#resume());
    }, SLOW_DOWN_MS);
    if (!this.#toldTooFast) this.#tellTooFast(frame.type);
    return false;
  }

  /** Others, and the ticks, have had their turn. */
  turnEnded(): void {
    this.#askedThisTurn = 0;
    if (this.#deferred.length > 0 && !this.connection.ended) this.connection.guard(() => this.#resume());
  }

  #tellTooFast(request: string): void {
    this.#toldTooFast = true;
    const message = `more than ${this.#requests.perSecond} requests a second (clients.requestsPerSecond): they are read more slowly`;
    this.refuse({ code: 'too-fast', message, request });
  }

  /** What came is no frame. The answers to what came before it leave before it is refused. */
  violated({ code, message }: ChimedError): void {
    this.#context.flusher.flush();
    this.logRejection({ code, message });
  }

  /** The connection is gone. */
  closed(reason: string): void {
    this.#context.gone(this);
    this.#deferred = [];
    clearTimeout(this.#slowedDown);
    this.#outbox.close();
    const { sent, skipped, fields } = this;
    const seconds = Math.round((Date.now() - this.since) / 1000);
    const rejections = this.#rejections > 0 && { rejections: this.#rejections };
    this.#context.logger.info(
      { ...fields, reason, seconds, sent, skipped, ...rejections },
      'client disconnected',
    );
  }

  /** Its outbox is full. */
  slow(): void {
    this.#context.logger.warn(
      this.fields,
      'client is slow: messages are skipped until it has read what waits',
    );
  }

  /** It has read what waited, and has the newest of what was skipped. */
  caughtUp(skipped: number): void {
    this.#context.logger.info({ ...this.fields, skipped }, 'client has caught up');
  }

  /** It was away for longer than the history of its topics reaches. */
  lost(skipped: number): void {
    this.#lostWhileAway += skipped;
    this.#context.logger.info(
      { ...this.fields, skipped },
      'client was away too long: it has lost what the history no longer has',
    );
  }

  /** It takes nothing any more. */
  stalled(): void {
    const { stallTimeoutMs } = this.#limits;
    const message = `the client took nothing for ${stallTimeoutMs} ms although ${this.pendingBytes} bytes wait for it`;
    this.#context.logger.warn(this.fields, 'client is stalled: it is disconnected');
    this.connection.reject({ code: 'stalled', message });
  }
}

/** One function for all, so that a client has no closure of its own. */
function endTurn(client: Client): void {
  client.turnEnded();
}
