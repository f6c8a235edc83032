import { free } from '../../transport/free.ts';

/**
 * The frames that one turn of the event loop has for somebody, in order. A batch never changes: a frame more makes
 * the next one, and all who are given the same frames one by one come by the very same batches. So their bytes are
 * joined once, however many they are.
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
  #waiting = 0;
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

  /** This batch and a frame more. */
  with(frame: Buffer, { isAnswer = false } = {}): Batch {
    if (!this.#next || this.#next.#frame !== frame) this.#next = new Batch(this, frame, isAnswer);
    return this.#next;
  }

  /** All its frames as one buffer. */
  get bytes(): Buffer {
    this.#joined ??= this.#join();
    return this.#joined;
  }

  /** So many have it whose bytes have not all been sent. With none, it is freed at once. */
  wait(count: number): void {
    this.#waiting = count;
    if (count === 0) this.#free();
  }

  /** One of them does not need it any more: the last one frees it. */
  release(): void {
    if (--this.#waiting === 0) this.#free();
  }

  /** Gives back the memory that only this batch holds. */
  #free(): void {
    if (this.#joined && this.#joined !== this.#frame) free(this.#joined);
    if (this.#isAnswer) free(this.#frame);
    for (let batch = this.#before; batch; batch = batch.#before) if (batch.#isAnswer) free(batch.#frame);
  }

  #join(): Buffer {
    if (!this.#before || this.#before.byteLength === 0) return this.#frame;
    const frames = [this.#frame];
    for (let batch: Batch | undefined = this.#before; batch; batch = batch.#before) frames.push(batch.#frame);
    return Buffer.concat(frames.toReversed(), this.byteLength);
  }
}

const NOTHING = Buffer.alloc(0);
