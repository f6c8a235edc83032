/** The last bytes of all that were pushed. */
export class Tail {
  readonly #capacity: number;
  #bytes = Buffer.alloc(0);
  #length = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  push(bytes: Buffer): void {
    if (this.#bytes.length === 0) this.#bytes = Buffer.alloc(this.#capacity);
    const last = bytes.subarray(-this.#capacity);
    const kept = Math.min(this.#length, this.#capacity - last.length);
    this.#bytes.copyWithin(0, this.#length - kept, this.#length);
    last.copy(this.#bytes, kept);
    this.#length = kept + last.length;
  }

  toString(): string {
    return this.#bytes.toString('utf8', 0, this.#length);
  }
}
