const LONGEST = 300;
const MOST_LINES = 60;

/** What was said in a case, in order: by the suite to the adapter and back, by the scripted daemon to the client and back. */
export class Transcript {
  readonly #lines: string[] = [];

  add(who: string, text: string): void {
    this.#lines.push(
      `${who} ${text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length})` : text}`,
    );
  }

  /** The end of it. */
  toString(): string {
    return this.#lines.slice(-MOST_LINES).join('\n');
  }
}
