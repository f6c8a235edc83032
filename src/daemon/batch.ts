/**
 * The frames that one turn of the event loop has for somebody, in order. A batch never changes: a frame more makes
 * the next one, and all who are given the same frames one by one come by the very same batches. So their bytes are
 * joined once, however many they are.
 */
export class Batch {
  readonly #before: Batch | undefined;
  readonly #frame: Buffer;
  /** The batch that the last call of `with` made. */
  #next: Batch | undefined;
  #joined: Buffer | undefined;
  /** Bytes of all its frames. */
  readonly byteLength: number;

  private constructor(before: Batch | undefined, frame: Buffer) {
    this.#before = before;
    this.#frame = frame;
    this.byteLength = (before?.byteLength ?? 0) + frame.length;
  }

  /** Where the batches of a turn begin. */
  static empty(): Batch {
    return new Batch(undefined, NOTHING);
  }

  /** This batch and a frame more. */
  with(frame: Buffer): Batch {
    if (!this.#next || this.#next.#frame !== frame) this.#next = new Batch(this, frame);
    return this.#next;
  }

  /** All its frames as one buffer. */
  get bytes(): Buffer {
    this.#joined ??= this.#join();
    return this.#joined;
  }

  #join(): Buffer {
    if (!this.#before || this.#before.byteLength === 0) return this.#frame;
    const frames = [this.#frame];
    for (let batch: Batch | undefined = this.#before; batch; batch = batch.#before) frames.push(batch.#frame);
    return Buffer.concat(frames.toReversed(), this.byteLength);
  }
}

const NOTHING = Buffer.alloc(0);
