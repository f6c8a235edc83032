import { GrowingBuffer } from '../growing-buffer.ts';

/** Takes one line. The bytes are overwritten once it has returned. */
export type TakeLine = (line: Buffer, cut: boolean) => void;

const NEWLINE = 10;
/** What stays for the next line, in bytes. */
const KEPT_BYTES = 64 * 1024;

/** Cuts what is read from a stream into lines, and keeps no more than `maxBytes` of one. */
export class Lines {
  readonly #maxBytes: number;
  readonly #onLine: TakeLine;
  /** What has come of a line that is not complete. */
  readonly #kept: GrowingBuffer;
  /** Bytes of the line, also those that are left out. */
  #bytes = 0;

  /** @param onLine Gets each line without its newline; `cut` if it has more than `maxBytes`: the rest is left out. */
  constructor(maxBytes: number, onLine: TakeLine) {
    this.#maxBytes = maxBytes;
    this.#kept = new GrowingBuffer(maxBytes);
    this.#onLine = onLine;
  }

  /**
   * Keeps nothing of the chunk itself.
   * @param mayGoOn Asked after each line. @default always
   * @returns what has to be pushed again later; undefined if that is nothing.
   */
  readonly push = (chunk: Buffer, mayGoOn: () => boolean = () => true): Buffer | undefined => {
    let rest = chunk;
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      this.#finish(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      if (rest.length > 0 && !mayGoOn()) return rest;
    }
    this.#keep(rest);
    return undefined;
  };

  /** Nothing more comes: what is left is a line without a newline. */
  end(): void {
    if (this.#bytes > 0) this.#finish(Buffer.alloc(0));
  }

  /** Ends the line with this part of it. */
  #finish(part: Buffer): void {
    if (this.#bytes === 0 && part.length <= this.#maxBytes) this.#onLine(part, false);
    else {
      this.#keep(part);
      if (this.#bytes <= this.#maxBytes) this.#onLine(this.#kept.content, false);
    }
    this.#bytes = 0;
    this.#kept.clear(KEPT_BYTES);
  }

  #keep(part: Buffer): void {
    const before = this.#bytes;
    this.#bytes += part.length;
    this.#kept.append(part.subarray(0, this.#maxBytes - this.#kept.length));
    // It is passed on as soon as it is too long: its end may never come.
    if (this.#bytes > this.#maxBytes && before <= this.#maxBytes) this.#onLine(this.#kept.content, true);
  }
}
