import type { Connection } from '../../transport/connection.ts';
import type { Batch } from './delivery.ts';

/** A batch that has not left, or only in part. */
interface Entry {
  batch: Batch;
  /** The client's part of the memory that it takes. */
  bytes: number;
  /** How many bytes the kernel has taken of what was written to the connection when all of it has left. */
  end: number;
}

/** What was written to a connection and has not left, in order. */
export class Unsent {
  readonly #connection: Connection;
  #entries: Entry[] = [];
  /** Memory that it takes, as far as this client is charged for it. */
  bytes = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Keeps what was written last. @param bytes The client's part of the memory that it takes. */
  add(batch: Batch, bytes: number): void {
    this.#entries.push({ batch, bytes, end: this.#connection.writtenBytes });
    this.bytes += bytes;
  }

  /** Lets go of what has left meanwhile. Of a connection that has ended, the system may still read all of it. */
  settle(): void {
    if (this.#entries.length === 0 || this.#connection.ended) return;
    const taken = this.#connection.takenBytes;
    const left = this.#entries.findIndex(({ end }) => end > taken);
    this.#release(left === -1 ? this.#entries.length : left);
  }

  /** Charges nobody any more, since the connection ends; the system may still read the bytes. */
  close(): void {
    this.bytes = 0;
  }

  /** Lets go of all: the connection is gone, and nobody writes these bytes any more. */
  clear(): void {
    this.#release(this.#entries.length);
  }

  #release(count: number): void {
    for (const { batch, bytes } of this.#entries.splice(0, count)) {
      this.bytes -= bytes;
      batch.release();
    }
    if (this.#entries.length === 0) this.bytes = 0; // Closed before, or made of fractions.
  }
}
