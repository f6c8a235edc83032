/** Joins text that arrives in pieces, and splits it at a delimiter. A part that is never complete is in `rest`. */
export class Splitter {
  readonly #delimiter: string;
  /** Pieces of the part that is not complete: joined at each piece, a long part would be copied once per piece. */
  #pieces: string[] = [];

  constructor(delimiter: '\n' | '\f') {
    this.#delimiter = delimiter;
  }

  get rest(): string {
    return this.#pieces.join('');
  }

  /** @returns the parts that are complete now. */
  push(text: string): string[] {
    const [first, ...others] = text.split(this.#delimiter);
    this.#pieces.push(first!);
    const parts: string[] = [];
    for (const other of others) {
      parts.push(this.rest);
      this.#pieces = [other];
    }
    return parts;
  }
}
