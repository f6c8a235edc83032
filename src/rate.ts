/**
 * How much may happen: `perSecond` on average, and after a rest as much at once as comes together in `burstSeconds`.
 * Costs no timer.
 */
export class Rate {
  readonly perSecond: number;
  readonly #most: number;
  #left: number;
  #at = performance.now();

  constructor(perSecond: number, burstSeconds: number) {
    this.perSecond = perSecond;
    this.#most = perSecond * burstSeconds;
    this.#left = this.#most;
  }

  /** Reports whether it may happen now, and counts it. */
  take(): boolean {
    if (this.left < 1) return false;
    this.#left--;
    return true;
  }

  /** Counts what has happened, be it more than was left: nothing may happen until that has been made up for. */
  spend(amount: number): void {
    this.#left = this.left - amount;
  }

  /** What was counted last was another's. */
  giveBack(): void {
    this.#left = Math.min(this.left + 1, this.#most);
  }

  /** How much may happen now; negative after too much. */
  get left(): number {
    const now = performance.now();
    this.#left = Math.min(this.#left + ((now - this.#at) / 1000) * this.perSecond, this.#most);
    this.#at = now;
    return this.#left;
  }

  /** True once it has rested for long enough that nothing is known of what happened before. */
  get isFull(): boolean {
    return this.left === this.#most;
  }
}
