import type { MessageLog } from './message-log.ts';
import type { Audience, Missed, Subscriber } from '../subscribers/audience.ts';

/** Reads what was missed from the topic's log. It holds none of it: what the log lets go of before its turn is lost. */
export class Replay implements Missed {
  readonly #log: MessageLog;
  readonly #audience: Audience;
  readonly #subscriber: Subscriber;
  /** Place of the message before the next. */
  #place: number;
  #lost = 0;

  /** @param after Number of the last message that the subscriber heard. */
  constructor(log: MessageLog, audience: Audience, subscriber: Subscriber, after: number) {
    this.#log = log;
    this.#audience = audience;
    this.#subscriber = subscriber;
    this.#place = log.placeOf(after);
    this.#skipLost();
  }

  get isOpen(): boolean {
    return (
      !this.#log.isClosed && this.#audience.has(this.#subscriber) && this.#audience.mayHear(this.#subscriber)
    );
  }

  next(): Buffer | undefined {
    if (this.#log.isClosed) this.#skipTo(this.#log.place);
    if (!this.isOpen) return undefined;
    this.#skipLost();
    if (this.#place === this.#log.place) return undefined;
    return this.#log.at(++this.#place)?.frame;
  }

  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  #skipLost(): void {
    this.#skipTo(this.#log.oldest - 1);
  }

  #skipTo(place: number): void {
    if (place <= this.#place) return;
    this.#lost += place - this.#place;
    this.#place = place;
  }
}
