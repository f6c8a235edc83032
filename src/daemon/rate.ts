/**
 * How often something may happen: `perSecond` on average, and after a rest as many at once as come together in
 * `burstSeconds`. Costs no timer.
 */
export class Rate {
  readonly perSecond: number;
  readonly #most: number;
  #left: number;
  #at = performance.now();
  /** Refusals since it last happened. */
  refused = 0;

  /** Of log lines about those who come and go: who does so in a loop does not fill the log. */
  static ofLines(): Rate {
    return new Rate(1, 10);
  }

  constructor(perSecond: number, burstSeconds: number) {
    this.perSecond = perSecond;
    this.#most = perSecond * burstSeconds;
    this.#left = this.#most;
  }

  /** Reports whether it may happen now, and counts it. */
  take(): boolean {
    const now = performance.now();
    this.#left = Math.min(this.#left + ((now - this.#at) / 1000) * this.perSecond, this.#most);
    this.#at = now;
    if (this.#left < 1) {
      this.refused++;
      return false;
    }
    this.#left--;
    this.refused = 0;
    return true;
  }
}
