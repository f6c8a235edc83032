/** Cuts what is read from a stream into lines, and keeps no more than `maxBytes` of one. */
export class Lines {
  readonly #maxBytes: number;
  readonly #onLine: (line: string, cut: boolean) => void;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** @param onLine Gets each line without its newline; `cut` if it has more than `maxBytes`: the rest is left out. */
  constructor(maxBytes: number, onLine: (line: string, cut: boolean) => void) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
  }

  /** Keeps nothing of the chunk itself. */
  readonly push = (chunk: Buffer): void => {
    let rest = chunk;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      this.#add(rest.subarray(0, end));
      this.#finish();
      rest = rest.subarray(end + 1);
    }
    this.#add(Buffer.from(rest));
  };

  #add(part: Buffer): void {
    const room = this.#maxBytes - this.#bytes;
    if (room > 0 && part.length > 0) this.#parts.push(part.subarray(0, room));
    const before = this.#bytes;
    this.#bytes += part.length;
    // It is passed on as soon as it is too long: its end may never come.
    if (this.#bytes > this.#maxBytes && before <= this.#maxBytes) this.#onLine(this.#text(), true);
  }

  #finish(): void {
    if (this.#bytes <= this.#maxBytes) this.#onLine(this.#text(), false);
    this.#parts = [];
    this.#bytes = 0;
  }

  #text(): string {
    const text = Buffer.concat(this.#parts).toString();
    this.#parts = [];
    return text;
  }
}
