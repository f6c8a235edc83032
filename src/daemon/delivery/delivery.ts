import type { Outgoing } from '../../linux/send-all.ts';
import type { SocketCalls } from '../../linux/socket-calls.ts';
import { free } from '../../transport/free.ts';

/** Whoever has frames delivered. Its fields as `Outgoing` hold between `begin` and `finish`. */
export interface Sender extends Outgoing {
  /** Has what was gathered leave, if there is still somebody to write it to. */
  begin(): void;
  /** Writes what the kernel has not taken yet. @returns whether it has taken all by then. */
  finish(): boolean;
  /** Keeps what is stuck, and is charged for its part of the memory. */
  keep(): void;
  /** Something of ours failed for it. */
  failed(error: unknown): void;
}

/** Gathers what one turn of the event loop brings for each client, and writes it: one write for each. */
export class Delivery {
  readonly #sendAll: SocketCalls['sendAll'] | undefined;
  #senders: Sender[] = [];
  readonly #empty = Batch.empty();
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
    this.#empty.beginTurn();
    senders.forEach(begin);
    this.#sendAll?.(senders);
    const stuck = senders.filter(isStuckOnceWritten);
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

/** Writes what the kernel has not taken. @returns whether some of it waits. */
function isStuckOnceWritten(sender: Sender): boolean {
  try {
    return !sender.finish();
  } catch (error) {
    sender.failed(error);
    return true; // The system may read the bytes until the connection is gone.
  }
}

/**
 * The frames that one turn has for somebody, in order. A batch never changes: a frame more makes the next one, and all
 * who are given the same frames one by one come by the very same batches. So their bytes are joined once, however many
 * they are.
 */
export class Batch {
  readonly #before: Batch | undefined;
  readonly #frame: Buffer;
  readonly #isAnswer: boolean;
  /** The batch that the last call of `with` made. */
  #next: Batch | undefined;
  #joined: Buffer | undefined;
  /** How many hold it, and do not have all of it sent. */
  #holders = 0;
  /** Bytes of all its frames. */
  readonly byteLength: number;

  private constructor(before: Batch | undefined, frame: Buffer, isAnswer: boolean) {
    this.#before = before;
    this.#frame = frame;
    this.#isAnswer = isAnswer;
    this.byteLength = (before?.byteLength ?? 0) + frame.length;
  }

  /** Where the batches of a turn begin. */
  static empty(): Batch {
    return new Batch(undefined, NOTHING, false);
  }

  /** Lets go of the batches of the turn before, which it leads to. */
  beginTurn(): void {
    this.#next = undefined;
  }

  /** This batch and a frame more. @param isAnswer It is an answer to one client, and needed by nobody else. */
  with(frame: Buffer, isAnswer = false): Batch {
    if (!this.#next || this.#next.#frame !== frame) this.#next = new Batch(this, frame, isAnswer);
    return this.#next;
  }

  /** All its frames as one buffer, which is made once. */
  get bytes(): Buffer {
    return (this.#joined ??= this.#concatenated());
  }

  /** Somebody has it sent, and will `release` it. @returns its bytes. */
  hold(): Buffer {
    this.#joined ??= this.#concatenated();
    this.#holders++;
    return this.#joined;
  }

  /** How many of its bytes each of those that hold it answers for. */
  get share(): number {
    return this.byteLength / this.#holders;
  }

  /** One of those that hold it does not need it any more: the last one gives back the memory that only this batch has. */
  release(): void {
    if (--this.#holders > 0) return;
    if (this.#joined && this.#joined !== this.#frame) free(this.#joined);
    if (this.#isAnswer) free(this.#frame);
    for (let batch = this.#before; batch; batch = batch.#before) if (batch.#isAnswer) free(batch.#frame);
  }

  #concatenated(): Buffer {
    if (!this.#before || this.#before.byteLength === 0) return this.#frame;
    const frames = [this.#frame];
    for (let batch: Batch | undefined = this.#before; batch; batch = batch.#before) frames.push(batch.#frame);
    return Buffer.concat(frames.toReversed(), this.byteLength);
  }
}

const NOTHING = Buffer.alloc(0);
