import { ChimedError } from '../errors.ts';
import type { Peer } from '../linux/peer.ts';
import type { Frame, OnBehalfOf, Rejection } from '../protocol/messages.ts';
import type { Totals } from '../protocol/status-snapshot.ts';
import { asksForAnother } from '../protocol/parse-request.ts';
import { clipped } from '../text.ts';
import type { Connection, ConnectionListener } from '../transport/connection.ts';
import { encodeFrame } from '../transport/frames.ts';
import { SessionLog } from './subscribers/session-log.ts';
import type { Delivery } from './delivery/delivery.ts';
import { Outbox } from './delivery/outbox.ts';
import type { OutboxLimits, OutboxListener } from './delivery/outbox.ts';
import type { Missed, Pattern, Subscriber } from './subscribers/audience.ts';
import { describeOnBehalf, describePeer } from './subscribers/peer-fields.ts';
import type { Provider } from './subscribers/provider.ts';
import { RequestPace } from './subscribers/request-pace.ts';
import type { PaceListener } from './subscribers/request-pace.ts';
import type { Turns, Worker } from './subscribers/turns.ts';
import type { User, UserSession } from './subscribers/user.ts';

/** Memory that one group takes of a user that the kernel did not name, in bytes: it is kept twice. */
const GROUP_BYTES = 16;
/** Memory that a topic takes which the client provides, in bytes, with what the client is yet to be told of it. */
const PROVIDED_BYTES = 500;

/** A request under way: each step is a piece of work that the event loop can stop after. */
export type Task = Iterator<unknown, void>;

/** What clients share. */
export interface SessionContext {
  delivery: Delivery;
  totals: Totals;
  turns: Turns;
  /** Does what a frame asks for, or what is left of it by the task. */
  request: (client: Session, frame: Frame) => Task | undefined;
  /** Takes back all that the client is registered for. */
  leave: (client: Session) => Task;
  /** The client has left. */
  gone: (client: Session) => void;
  /** A client holds so many bytes of memory more, or fewer. */
  charge: (user: User, bytes: number) => void;
}

/** What the configuration allows a client, as it stands when the client connects. */
export type SessionLimits = OutboxLimits & { requestsPerSecond: number };

/** One connected client: what it asks for, what it is registered for, and what waits for it. */
export class Session
  implements Subscriber, Provider, UserSession, Worker, ConnectionListener, OutboxListener, PaceListener
{
  readonly id: number;
  readonly connection: Connection;
  /** Who it is, as the kernel says, or the gateway that makes its requests. */
  peer: Peer | undefined;
  /** Who answers for what it costs. */
  user: User;
  /** For whom a gateway makes its requests, if one does. */
  onBehalfOf: OnBehalfOf | undefined;
  readonly patterns = new Set<Pattern>();
  /** Memory that its registrations take, in bytes. */
  patternBytes = 0;
  readonly provided = new Set<string>();
  /** It has asked to provide topics: a message that it sends is of one of these, and no knock. */
  isProvider = false;
  /** When it connected, in milliseconds since the epoch. */
  readonly since = Date.now();
  name: string | undefined;
  heldBytes = 0;
  readonly #context: SessionContext;
  readonly #limits: SessionLimits;
  readonly #outbox: Outbox;
  readonly #pace: RequestPace;
  /** The request that is under way. */
  #task: Task | undefined;
  #log: SessionLog;
  #hasAsked = false;
  #lostWhileAway = 0;
  /** Why the connection is gone, if it is. */
  #closed: string | undefined;
  #leaving = false;

  constructor(connection: Connection, user: User, limits: SessionLimits, context: SessionContext) {
    this.id = connection.id;
    this.connection = connection;
    this.peer = connection.peer;
    this.user = user;
    this.#context = context;
    this.#limits = limits;
    this.#log = new SessionLog(user.log, this);
    this.#pace = new RequestPace(limits.requestsPerSecond, this);
    this.#outbox = new Outbox(connection, context.delivery, limits, this, context.totals);
    user.clients.add(this);
    if (user.isInDebt) this.#park();
  }

  /** What every line about this client says of it. */
  get fields(): object {
    const name = this.name !== undefined && { name: clipped(this.name) };
    const who = this.onBehalfOf ? describeOnBehalf(this.peer, this.connection.peer) : describePeer(this.peer);
    return { client: this.id, ...name, ...who };
  }

  /** True until its first request has been done or refused. */
  get isNew(): boolean {
    return !this.#hasAsked;
  }

  /** True once its connection is gone: it hears nothing any more. */
  get hasLeft(): boolean {
    return this.#closed !== undefined;
  }

  /** All that it asks for is another user's from now on, and what it costs is charged to that user. */
  actFor({ onBehalfOf, peer, user }: Pick<Session, 'onBehalfOf' | 'peer' | 'user'>): void {
    this.#context.charge(this.user, -this.heldBytes);
    this.heldBytes = 0;
    this.user.clients.delete(this);
    this.onBehalfOf = onBehalfOf;
    this.peer = peer;
    this.user = user;
    this.#log = new SessionLog(user.log, this);
    user.clients.add(this);
    this.patternBytes += (peer?.groups.length ?? 0) * GROUP_BYTES;
    this.recount();
    if (user.isInDebt) this.#park();
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
    try {
      this.#outbox.message(topic, frame);
    } catch (error) {
      this.connection.failed(error);
    }
  }

  replay(topic: string, missed: Missed): void {
    this.#outbox.replay(topic, missed);
  }

  notice(topic: string, frame: Buffer): void {
    try {
      this.#outbox.notice(topic, frame);
    } catch (error) {
      this.connection.failed(error);
    }
  }

  demand(topic: string, frame: Buffer): void {
    this.notice(`demand for ${topic}`, frame); // No topic has a blank: it is apart from what is said of the topic.
  }

  /** Drops what is held back of a topic that it may not hear any more. */
  forget(topic: string): void {
    this.#outbox.forget(topic);
  }

  /** It has made a request that is more than a question. */
  introduce(): void {
    this.#log.introduce(this.peer?.groups);
  }

  registered(): void {
    this.#log.registered(this.patterns);
  }

  /** Answers a request. */
  answer(frame: Frame | Buffer): void {
    this.#outbox.control(Buffer.isBuffer(frame) ? frame : encodeFrame(frame));
  }

  /** Refuses something that the client asked for, and keeps it. Logged once per client. */
  refuse(rejection: Rejection): void {
    this.#logRejection(rejection);
    this.answer({ type: 'chimed.rejected', data: rejection });
  }

  /** Refuses something, and closes the connection, since what follows cannot be done either. */
  reject(rejection: Rejection): void {
    this.#logRejection(rejection);
    this.dismiss(rejection);
  }

  /** The same, where it has been logged. The answers to what came before leave before it. */
  dismiss(rejection: Rejection): void {
    this.#context.delivery.flush();
    if (this.#closed !== undefined) this.#closed = rejection.code;
    this.connection.reject(rejection);
  }

  #logRejection(rejection: Rejection): void {
    this.introduce();
    this.#log.rejected(rejection);
  }

  readable(bytes: number): void {
    this.user.receiving.spend(bytes);
    this.recount();
    if (this.user.isInDebt) return this.#park();
    this.#continue();
    // It waits for itself, or for its turn.
    if (this.connection.hasNews || !this.#context.turns.mayRead(this, bytes)) this.connection.pause();
  }

  get isBusy(): boolean {
    return this.#task !== undefined;
  }

  /** Does one request, or a piece of one. Returns whether there is more to do now. */
  work(): boolean {
    let more = false;
    this.connection.guard(() => {
      if (this.#task) this.#step(this.#task);
      else if (this.#outbox.canCatchUp) this.#context.turns.moved(this.user, this.#outbox.catchUp());
      else if (this.connection.hasNews) this.#takeFrame();
      else if (this.#closed !== undefined && !this.#leaving) this.#leave();
      more = this.#task !== undefined || this.#outbox.canCatchUp || this.#mayAsk() || !this.#resume();
      this.recount();
    });
    return more;
  }

  /** There is room for it again. */
  hasRoom(): void {
    if (this.connection.ended) return;
    this.#outbox.hasRoom();
    this.recount();
    this.#continue();
  }

  recount(): void {
    this.#outbox.settle();
    const before = this.heldBytes;
    this.heldBytes = this.connection.unreadBytes + this.#outbox.heldBytes + this.patternBytes;
    this.heldBytes += this.provided.size * PROVIDED_BYTES;
    if (this.heldBytes !== before) this.#context.charge(this.user, this.heldBytes - before);
  }

  letGo(rejection: Rejection): void {
    this.#logRejection(rejection);
    this.connection.letGo(rejection);
    this.#outbox.close();
    this.recount();
  }

  /** Reads from it again, if all that came is done. Returns false if that has to wait for another turn. */
  #resume(): boolean {
    const { connection } = this;
    if (!connection.isPaused || connection.hasNews || this.#closed !== undefined) return true;
    if (this.user.isInDebt) {
      this.#park();
      return true;
    }
    if (!this.#context.turns.mayResume(this.user)) return false;
    connection.resume();
    return true;
  }

  #continue(): void {
    if (this.#task || this.#outbox.canCatchUp || this.#mayAsk()) this.#context.turns.add(this);
  }

  /** Reports whether there is a request that may be done now. If it must wait, it is seen to that it goes on. */
  #mayAsk(): boolean {
    if (this.#closed !== undefined) return !this.#leaving;
    if (this.#pace.isHeld || !this.connection.hasNews) return false;
    if (!this.#outbox.full) return this.#pace.allows();
    this.#outbox.wantRoom(); // One who leaves its answers unread is not read from.
    return false;
  }

  goOn(): void {
    this.connection.guard(() => this.#continue());
  }

  /** The user has sent too much: nothing is read from this client, nor done for it, for a while. */
  #park(): void {
    this.connection.pause();
    this.user.park(this);
    this.#pace.park(this.user.receiving.perSecond);
  }

  unparked(): void {
    this.#pace.unpark();
    this.#context.turns.add(this);
  }

  #takeFrame(): void {
    const frame = this.connection.nextFrame();
    if (!frame) return;
    if (frame instanceof ChimedError) return this.#violated(frame);
    this.#pace.count(frame.type);
    // Whoever has left hears no answer and registers for nothing, but what it sent last counts, for whom it was.
    const isMessage = frame.type === 'chimed.publish' || this.provided.has(frame.type);
    if (this.hasLeft && !isMessage && !(this.isNew && asksForAnother(frame))) return;
    const task = this.#context.request(this, frame);
    this.#hasAsked = true;
    if (task) this.#step(task);
  }

  #step(task: Task): void {
    this.#task = task.next().done ? undefined : task;
    if (!this.#task && this.#leaving) this.#context.gone(this);
  }

  tooFast(limit: string, request: string): void {
    this.refuse({ code: 'too-fast', message: `${limit}: the daemon reads them more slowly`, request });
  }

  expired(error: ChimedError): void {
    this.#violated(error);
  }

  /** What came is no frame. */
  #violated({ code, message }: ChimedError): void {
    this.reject({ code, message });
  }

  /** The connection is gone. What it had sent is still done, then it leaves. */
  closed(reason: string): void {
    this.#closed = reason;
    this.#pace.stop();
    this.#outbox.gone();
    this.recount();
    this.#context.turns.add(this);
  }

  #leave(): void {
    this.#leaving = true;
    this.#log.left({ reason: this.#closed, since: this.since, sent: this.sent, skipped: this.skipped });
    this.#step(this.#context.leave(this));
  }

  /** Its outbox is full. */
  slow(): void {
    this.#log.slow();
  }

  /** It has read what waited, and has the newest of what was skipped. */
  caughtUp(skipped: number): void {
    this.#log.caughtUp(skipped);
  }

  /** It was away for longer than the history of its topics reaches. */
  lost(skipped: number): void {
    this.#lostWhileAway += skipped;
    this.#context.totals.skipped += skipped;
    this.#log.lost(skipped);
  }

  /** It takes nothing any more. */
  stalled(): void {
    const { stallTimeoutMs } = this.#limits;
    const message = `the client read nothing for ${stallTimeoutMs} ms, and ${this.pendingBytes} bytes are queued for it`;
    this.#log.stalled();
    this.connection.reject({ code: 'stalled', message });
  }

  /** What waits for it may take more memory. */
  changed(): void {
    this.recount();
  }
}
