import type { SocketCalls } from '../../linux/socket-calls.ts';
import { free } from '../../transport/free.ts';

/** Whoever has frames delivered. */
export interface Sender {
  /** Gives what has been gathered, if there is still somebody to write it to. */
  take(): Batch | undefined;
  /** The descriptor on which it may be sent at once; -1 if there is none. */
  readonly descriptor: number;
  /** Writes a batch, of which the kernel has taken so many bytes already. */
  write(batch: Batch, taken: number): void;
  /** The kernel has not taken all that was written. */
  readonly isStuck: boolean;
  /** Keeps what is stuck, and is charged for its part of the memory. */
  keep(batch: Batch, bytes: number): void;
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
    const batches = senders.map(take);
    const taken = this.#sendAll?.(senders.map(descriptorOf), batches.map(bytesOf));
    const written = new Set<Batch>();
    const stuck: { sender: Sender; batch: Batch }[] = [];
    let latest: Batch | undefined;
    for (let index = 0; index < senders.length; index++) {
      const sender = senders[index]!;
      const batch = batches[index];
      if (!batch) continue;
      if (batch !== latest) written.add((latest = batch));
      write(sender, batch, taken?.[index] ?? 0);
      if (!sender.isStuck) continue;
      batch.waiting++;
      stuck.push({ sender, batch });
    }
    for (const batch of written) batch.freeUnlessAwaited();
    // Bytes that several wait for are in memory once: each is charged an equal part of them.
    for (const { sender, batch } of stuck) sender.keep(batch, batch.byteLength / batch.waiting);
  };
}

function take(sender: Sender): Batch | undefined {
  try {
    const batch = sender.take();
    batch?.join(); // Here, so that it costs this client alone if there is no memory for it.
    return batch;
  } catch (error) {
    sender.failed(error);
    return undefined;
  }
}

const descriptorOf = (sender: Sender): number => sender.descriptor;
const bytesOf = (batch: Batch | undefined): Buffer => batch?.bytes ?? NOTHING;

function write(sender: Sender, batch: Batch, taken: number): void {
  try {
    sender.write(batch, taken);
  } catch (error) {
    sender.failed(error);
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
  /** The frame is an answer to one client, and needed by nobody else. */
  readonly #isAnswer: boolean;
  /** The batch that the last call of `with` made. */
  #next: Batch | undefined;
  #joined: Buffer | undefined;
  /** How many have it and do not have all of it sent. */
  waiting = 0;
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

  /** This batch and a frame more. */
  with(frame: Buffer, { isAnswer = false } = {}): Batch {
    if (!this.#next || this.#next.#frame !== frame) this.#next = new Batch(this, frame, isAnswer);
    return this.#next;
  }

  /** All its frames as one buffer. */
  get bytes(): Buffer {
    return this.join();
  }

  /** Joins its frames, once. @returns them, as `bytes`. */
  join(): Buffer {
    return (this.#joined ??= this.#concatenated());
  }

  /** One of those that wait does not need it any more: the last one frees it. */
  release(): void {
    this.waiting--;
    this.freeUnlessAwaited();
  }

  /** Gives back the memory that only this batch holds, if nobody waits for its bytes to be sent. */
  freeUnlessAwaited(): void {
    if (this.waiting > 0) return;
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
