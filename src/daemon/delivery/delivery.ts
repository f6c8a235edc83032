import type { Outgoing } from '../../linux/send-all.ts';
import type { SocketCalls } from '../../linux/socket-calls.ts';
import { free } from '../../transport/free.ts';

/** Whoever has frames delivered. */
export interface Sender extends Outgoing {
  /** What leaves, and its bytes: from `begin` until all of it has left, or `keep` has taken it over. */
  leaving: Batch | undefined;
  bytes: Buffer;
  /** Has what was gathered leave, if there is still somebody to write it to. */
  begin(): void;
  /** Writes what was not sent yet. @returns whether it is stuck: the kernel has not taken all. */
  writeRest(): boolean;
  /** Keeps what is stuck, and is charged for its part of the memory. */
  keep(): void;
  /** Something of ours failed for it. */
  failed(error: unknown): void;
}

/** Gathers what one turn of the event loop brings for each client, and writes it: one write for each. */
export class Delivery {
  readonly #sendAll: SocketCalls['sendAll'] | undefined;
  #senders: Sender[] = [];
  #empty = Batch.empty();
  /** Somebody flushes when what is under way has ended. */
  #isHeld = false;

  /** @param send Sends past Node's streams. @default all goes through them */
  constructor(send?: SocketCalls['sendAll']) {
    this.#sendAll = send;
  }

  /** Has a sender write at the end of this turn. @returns what its batch begins with. */
  add(sender: Sender): Batch {
    if (this.#senders.push(sender) === 1 && !this.#isHeld) setImmediate(this.flush);
    return this.#empty;
  }

  /** Does something, and writes what it brought at once: without another turn of the event loop. */
  readonly flushAfter = (work: () => void): void => {
    this.#isHeld = true;
    try {
      work();
    } finally {
      this.#isHeld = false;
      this.flush();
    }
  };

  /** Writes what has been gathered. What fails for one client costs that client, and no other. */
  readonly flush = (): void => {
    if (this.#senders.length === 0) return;
    const senders = this.#senders;
    this.#senders = [];
    const turn = this.#empty;
    this.#empty = Batch.empty();
    senders.forEach(begin);
    this.#sendAll?.(senders);
    const stuck = senders.filter(isStuck);
    turn.end();
    // Once it is known how many wait for the same bytes, which are in memory once: each is charged an equal part of them.
    for (const sender of stuck) sender.keep();
  };
}

function begin(sender: Sender): void {
  try {
    sender.begin();
  } catch (error) {
    sender.failed(error);
  }
}

/** Writes what was not sent. @returns whether some of it is stuck. A sender that is done holds no memory. */
function isStuck(sender: Sender): boolean {
  if (sender.taken < sender.bytes.length && isStuckOnceWritten(sender)) return true;
  sender.bytes = NOTHING;
  sender.leaving = undefined;
  return false;
}

function isStuckOnceWritten(sender: Sender): boolean {
  try {
    return sender.writeRest();
  } catch (error) {
    sender.failed(error);
    return true; // The system may read the bytes until the connection is gone.
  }
}

/**
 * The frames that one turn has for somebody, in order. During the turn, a batch never changes: a frame more makes the next
 * one, and all who are given the same frames one by one come by the very same batches. So their bytes are joined once,
 * however many they are.
 */
export class Batch {
  /** Until the turn is over. */
  #before: Batch | undefined;
  /** Its last frame; once the turn is over, all that were joined. */
  #frame: Buffer;
  /** Nobody else needs that. */
  #isOwn: boolean;
  /** All of its turn. */
  readonly #turn: Batch[];
  /** The batch that the last call of `with` made. */
  #next: Batch | undefined;
  #joined: Buffer | undefined;
  /** Its turn, and those who have some of it written. */
  #holders = 1;
  /** Bytes of all its frames. */
  readonly byteLength: number;

  private constructor(before: Batch | undefined, frame: Buffer, isOwn: boolean) {
    this.#before = before;
    this.#frame = frame;
    this.#isOwn = isOwn;
    this.#turn = before ? before.#turn : [];
    this.#turn.push(this);
    this.byteLength = (before?.byteLength ?? 0) + frame.length;
  }

  /** Where the batches of a turn begin. */
  static empty(): Batch {
    return new Batch(undefined, NOTHING, false);
  }

  /** The turn is over: its batches that nobody holds give back their memory, and the others keep none but their own. */
  end(): void {
    for (const batch of this.#turn) {
      batch.#before = batch.#next = undefined;
      batch.#keepJoined();
      batch.release();
    }
    this.#turn.length = 0;
  }

  /** This batch and a frame more. @param isOwn Nobody else needs the frame. */
  with(frame: Buffer, isOwn = false): Batch {
    if (!this.#next || this.#next.#frame !== frame) this.#next = new Batch(this, frame, isOwn);
    return this.#next;
  }

  /** All its frames as one buffer, which is made once. */
  get bytes(): Buffer {
    return (this.#joined ??= this.#concatenated());
  }

  /** Somebody has it sent, and will `release` it. */
  hold(): void {
    this.#holders++;
  }

  /** How many of its bytes each of those that hold it answers for, once the turn is over. */
  get share(): number {
    return this.byteLength / this.#holders;
  }

  /** One of those that hold it does not need it any more: the last one gives back the memory that only this batch has. */
  release(): void {
    if (--this.#holders === 0 && this.#isOwn) free(this.#frame);
  }

  #keepJoined(): void {
    if (!this.#joined || this.#joined === this.#frame) return;
    if (this.#isOwn) free(this.#frame);
    this.#frame = this.#joined;
    this.#isOwn = true;
  }

  #concatenated(): Buffer {
    if (!this.#before || this.#before.byteLength === 0) return this.#frame;
    const frames = [this.#frame];
    for (let batch: Batch | undefined = this.#before; batch; batch = batch.#before) frames.push(batch.#frame);
    return Buffer.concat(frames.toReversed(), this.byteLength);
  }
}

const NOTHING = Buffer.alloc(0);
