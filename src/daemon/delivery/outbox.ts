import type { Totals } from '../../protocol/status-snapshot.ts';
import type { Connection } from '../../transport/connection.ts';
import type { Batch, Delivery, Sender } from './delivery.ts';
import { StallWatch } from './stall-watch.ts';
import { Unsent } from './unsent.ts';
import type { Missed } from '../subscribers/audience.ts';

/** Memory of one message that is held back, or of a replay: an entry of a Map, since others hold the bytes as well. */
const HELD_BYTES = 64;

const NOTHING: Buffer = Buffer.alloc(0);
/** Most clients have none, and each message looks: one map that stays empty serves them all. */
const NO_NOTICES = new Map<string, Buffer>();
const NO_REPLAYS = new Map<string, Missed>();

export interface OutboxLimits {
  /** Bytes that may wait for the client before messages are skipped. */
  pendingBytes: number;
  /** Time without progress after which the client is given up, in milliseconds. */
  stallTimeoutMs: number;
}

/** What the owner of an outbox is told. */
export interface OutboxListener {
  /** The client has fallen behind: messages are skipped from here on. */
  slow(): void;
  /** It has caught up; `skipped` messages were lost to it meanwhile. */
  caughtUp(skipped: number): void;
  /** So many messages were lost, since a topic let go of them before the client could take them. */
  lost(count: number): void;
  /** Nothing was taken for the stall timeout. */
  stalled(): void;
  /** What it holds in memory may have changed. */
  changed(): void;
}

/**
 * What waits for one client. Everything of one turn of the event loop leaves in one write. Messages past
 * `pendingBytes` are held back, only the newest of each topic, and follow once the client has read what was
 * before them; so memory is bounded by the limit, one message past it, and one held message a topic (whose
 * bytes all clients share).
 */
export class Outbox implements Sender {
  readonly #connection: Connection;
  readonly #delivery: Delivery;
  readonly #limits: OutboxLimits;
  readonly #listener: OutboxListener;
  readonly #totals: Pick<Totals, 'sent' | 'skipped'>;
  /** What this turn of the event loop has brought. */
  #batch: Batch | undefined;
  leaving: Batch | undefined;
  descriptor = -1;
  bytes = NOTHING;
  taken = 0;
  #held: Map<string, Buffer> | undefined;
  /** The latest notice about each topic, which there was no room for. */
  #notices: Map<string, Buffer> = NO_NOTICES;
  /** Topics of which it is sent what it has missed. */
  #replays: Map<string, Missed> = NO_REPLAYS;
  readonly #unsent: Unsent;
  readonly #stalls: StallWatch;
  #skippedWhileSlow = 0;
  #roomWanted = false;
  /** What it is given is dropped. */
  #isClosed = false;
  /** Messages sent, and messages that the client will never get. */
  sent = 0;
  skipped = 0;

  /** @param totals Counts with us. */
  constructor(
    connection: Connection,
    delivery: Delivery,
    limits: OutboxLimits,
    listener: OutboxListener,
    totals: Pick<Totals, 'sent' | 'skipped'>,
  ) {
    this.#totals = totals;
    this.#connection = connection;
    this.#delivery = delivery;
    this.#limits = limits;
    this.#listener = listener;
    this.#unsent = new Unsent(connection);
    this.#stalls = new StallWatch(
      connection,
      limits.stallTimeoutMs,
      () => listener.stalled(),
      () => listener.changed(),
    );
  }

  /** Bytes that wait, here and in the socket. */
  get pendingBytes(): number {
    return (this.#batch?.byteLength ?? 0) + this.#connection.pendingBytes;
  }

  /** Bytes of memory that it takes. Those that several clients wait for count for each in equal parts. */
  get heldBytes(): number {
    const held = (this.#held?.size ?? 0) + this.#notices.size + this.#replays.size;
    return this.#unsent.bytes + held * HELD_BYTES;
  }

  keep(): void {
    // It may have been closed meanwhile, as the one to whom this memory was too much.
    this.#unsent.add(this.leaving!, this.#isClosed ? 0 : this.leaving!.share);
    this.leaving = undefined;
    this.bytes = NOTHING;
    if (this.#isClosed) return;
    this.#stalls.watch();
    this.#listener.changed();
  }

  /** Lets go of what has left meanwhile. */
  settle(): void {
    this.#unsent.settle();
  }

  /** The connection is gone. */
  gone(): void {
    this.close();
    this.#unsent.clear();
  }

  /** Queues a message of a topic, or holds it back if too much waits already. */
  message(topic: string, frame: Buffer): void {
    if (this.#replays.size > 0 && this.#replays.get(topic)?.isOpen) return; // It comes to it.
    if (this.#held) this.#hold(topic, frame);
    else if (this.full) {
      this.#held = new Map();
      this.#hold(topic, frame);
      this.#listener.slow();
    } else this.#send(frame);
  }

  /** Queues a notice about a topic. Like a message it waits while there is no room, but it is counted nowhere. */
  notice(topic: string, frame: Buffer): void {
    this.#notices.delete(topic); // An older one must not follow it.
    if (!this.#held && !this.full && !this.#replays.has(topic)) return this.#queue(frame);
    if (this.#notices === NO_NOTICES) this.#notices = new Map();
    this.#notices.set(topic, frame);
    this.wantRoom();
  }

  /** Has what was missed of a topic follow, by `catchUp`. */
  replay(topic: string, missed: Missed): void {
    this.#held?.delete(topic); // It is among what was missed.
    this.#endReplay(topic);
    if (this.#replays === NO_REPLAYS) this.#replays = new Map();
    this.#replays.set(topic, missed);
  }

  /** True if `catchUp` has something to do, and there is room. If it must wait, `hasRoom` is called. */
  get canCatchUp(): boolean {
    if (this.#replays.size === 0) return false;
    if (!this.#held && !this.full) return true;
    this.wantRoom();
    return false;
  }

  /** Queues the next message that was missed, or ends a replay that has none. @returns its length in bytes. */
  catchUp(): number {
    for (const [topic, missed] of this.#replays) {
      const frame = missed.next();
      if (frame) {
        this.#send(frame);
        return frame.length;
      }
      this.#endReplay(topic);
      const notice = this.#notices.get(topic);
      if (notice) this.notice(topic, notice);
      return 0;
    }
    return 0;
  }

  /** What the topic let go of before its turn is lost. */
  #endReplay(topic: string): void {
    const lost = this.#replays.get(topic)?.takeLost() ?? 0;
    this.#replays.delete(topic);
    if (lost > 0) this.#listener.lost(lost);
  }

  /** Drops what is held back of a topic. */
  forget(topic: string): void {
    this.#notices.delete(topic);
    this.#endReplay(topic);
    if (this.#held?.delete(topic)) this.#countSkipped();
  }

  /** True while as much waits as may: a client that does not read its answers must not ask for more. */
  get full(): boolean {
    if (!this.#batch && !this.#connection.mayWait) return false; // As it mostly is.
    return this.pendingBytes >= this.#limits.pendingBytes;
  }

  /** Has `hasRoom` called once there is room again, whatever was written last. */
  wantRoom(): void {
    this.#roomWanted = true;
  }

  /** Queues a control message. It is never skipped: look whether the outbox is full before doing what it answers. */
  control(frame: Buffer): void {
    this.#queue(frame, true);
  }

  begin(): void {
    const batch = this.#batch;
    this.#batch = undefined;
    this.taken = 0;
    this.descriptor = -1;
    if (!batch || this.#isClosed) return;
    this.bytes = batch.bytes; // If there is no memory to join them, it costs this client alone.
    this.leaving = batch;
    // Who waits for room is written to by `writeRest`, which tells of it.
    if (!this.#held && !this.#roomWanted) this.descriptor = this.#connection.descriptor;
  }

  writeRest(): boolean {
    if (this.#connection.ended) return false;
    const { bytes, taken, leaving } = this;
    leaving!.hold();
    this.#connection.write(taken > 0 ? bytes.subarray(taken) : bytes);
    // What was before these bytes may have left since they were queued.
    if (this.#held || this.#roomWanted) this.#connection.tellOfRoom();
    if (this.#connection.pendingBytes > 0) return true;
    leaving!.release();
    return false;
  }

  /** There is room again: what was held back follows. */
  hasRoom(): void {
    this.#roomWanted = false;
    if (this.#held && !this.#sendHeld(this.#held)) return;
    this.#sendNotices();
  }

  #sendNotices(): void {
    for (const [topic, frame] of this.#notices) {
      if (this.#replays.has(topic)) continue; // They follow the messages.
      if (this.full) return this.wantRoom();
      this.#notices.delete(topic);
      this.#queue(frame);
    }
  }

  /** Returns whether there was room for all. */
  #sendHeld(held: Map<string, Buffer>): boolean {
    for (const [topic, frame] of held) {
      if (this.full) return false;
      held.delete(topic);
      this.#send(frame);
    }
    this.#held = undefined;
    this.#listener.caughtUp(this.#skippedWhileSlow);
    this.#skippedWhileSlow = 0;
    return true;
  }

  /** Something of ours failed: the client loses its connection. */
  failed(error: unknown): void {
    this.#connection.failed(error);
  }

  /** The connection ends: what is held back is lost. */
  close(): void {
    this.#stalls.stop();
    this.#countLost(this.#held?.size ?? 0);
    this.#held = undefined;
    this.#notices.clear();
    this.#replays.clear();
    this.#isClosed = true;
    this.#unsent.close();
  }

  /** Queues a message. */
  #send(frame: Buffer): void {
    this.sent++;
    this.#totals.sent++;
    // Not by `#queue`: a function more for each client costs some 5 % of a tick with ten of them, as long as V8 compiles.
    this.#batch = (this.#batch ?? this.#delivery.add(this)).with(frame);
  }

  /** Queues what is counted nowhere. @param isOwn Nobody else needs the frame. */
  #queue(frame: Buffer, isOwn = false): void {
    this.#batch = (this.#batch ?? this.#delivery.add(this)).with(frame, isOwn);
  }

  #hold(topic: string, frame: Buffer): void {
    // Deleted first, so that the topics follow in the order of their newest messages.
    if (this.#held!.delete(topic)) this.#countSkipped();
    this.#held!.set(topic, frame);
  }

  #countLost(count: number): void {
    this.skipped += count;
    this.#totals.skipped += count;
  }

  #countSkipped(): void {
    this.#countLost(1);
    this.#skippedWhileSlow++;
  }
}
