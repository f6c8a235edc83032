/** Takes one line. The bytes are overwritten once it has returned. */
export type TakeLine = (line: Buffer, cut: boolean) => void;

const NEWLINE = 10;

/** Cuts what is read from a stream into lines, and keeps no more than `maxBytes` of one. */
export class Lines {
  readonly #maxBytes: number;
  readonly #onLine: TakeLine;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** @param onLine Gets each line without its newline; `cut` if it has more than `maxBytes`: the rest is left out. */
  constructor(maxBytes: number, onLine: TakeLine) {
    this.#maxBytes = maxBytes;
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
      this.#add(rest.subarray(0, end));
      this.#finish();
      rest = rest.subarray(end + 1);
      if (rest.length > 0 && !mayGoOn()) return rest;
    }
    this.#add(Buffer.from(rest));
    return undefined;
  };

  /** Nothing more comes: what is left is a line without a newline. */
  end(): void {
    if (this.#bytes > 0) this.#finish();
  }

  #add(part: Buffer): void {
    const room = this.#maxBytes - this.#bytes;
    if (room > 0 && part.length > 0) this.#parts.push(part.subarray(0, room));
    const before = this.#bytes;
    this.#bytes += part.length;
    // It is passed on as soon as it is too long: its end may never come.
    if (this.#bytes > this.#maxBytes && before <= this.#maxBytes) this.#onLine(this.#joined(), true);
  }

  #finish(): void {
    if (this.#bytes <= this.#maxBytes) this.#onLine(this.#joined(), false);
    this.#parts = [];
    this.#bytes = 0;
  }

  #joined(): Buffer {
    const [only, ...others] = this.#parts;
    const line = only && others.length === 0 ? only : Buffer.concat(this.#parts);
    this.#parts = [];
    return line;
  }
}
