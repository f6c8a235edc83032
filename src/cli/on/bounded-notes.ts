import { Rate } from '../../rate.ts';
import { note } from '../note.ts';

const PER_SECOND = 2;
const BURST_SECONDS = 5;

/** Notes on stderr that many messages could cause: at most ten at once and two a second. The rest is counted. */
export class BoundedNotes {
  readonly #rate = new Rate(PER_SECOND, BURST_SECONDS);
  #leftOut = 0;

  say(text: string): void {
    if (!this.#rate.take()) {
      this.#leftOut++;
      return;
    }
    this.close();
    note(text);
  }

  /** Says how many notes were left out. */
  close(): void {
    if (this.#leftOut > 0) note(`${this.#leftOut} notes like these were left out: too many in a second`);
    this.#leftOut = 0;
  }
}
