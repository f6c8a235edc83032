/** Refreshes over which a rate is taken. */
const WINDOW = 10;

/** How fast a counter grows. */
export class MessageRate {
  readonly #points: { count: number; at: number }[] = [];

  /** @param at In milliseconds. */
  add(count: number, at: number): void {
    const newest = this.#points.at(-1);
    if (newest && count < newest.count) this.#points.length = 0; // The daemon counts from 0 again.
    this.#points.push({ count, at });
    if (this.#points.length > WINDOW + 1) this.#points.shift();
  }

  /** Undefined before the second refresh. */
  get perSecond(): number | undefined {
    const [oldest] = this.#points;
    const newest = this.#points.at(-1);
    if (!oldest || !newest || newest.at <= oldest.at) return undefined;
    return ((newest.count - oldest.count) * 1000) / (newest.at - oldest.at);
  }
}
