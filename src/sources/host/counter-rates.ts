/** Significant digits of a rate: more than a machine's clock and counters carry. */
const DIGITS = 6;

/** Makes rates of counters: how much they grow per second, from one sample to the next. */
export class CounterRates<Counter extends string> {
  #at = Number.NaN;
  #last = new Map<string, Record<Counter, number>>();

  /**
   * Takes a sample of all counters, by the name of the thing that they count.
   * @returns rates by name; null for a thing that the last sample did not have. A counter that has fallen belongs to
   * another thing of the same name.
   */
  next(now: Map<string, Record<Counter, number>>): Map<string, Record<Counter, number> | null> {
    const at = performance.now(); // Not the wall clock, which can be set.
    const seconds = (at - this.#at) / 1000;
    const last = this.#last;
    this.#at = at;
    this.#last = now;
    return new Map([...now].map(([name, counters]) => [name, ratesOf(counters, last.get(name), seconds)]));
  }
}

function ratesOf<Counter extends string>(
  now: Record<Counter, number>,
  last: Record<Counter, number> | undefined,
  seconds: number,
): Record<Counter, number> | null {
  if (!last || !(seconds > 0)) return null;
  const rates = { ...now };
  for (const counter of Object.keys(now) as Counter[]) {
    const growth = now[counter] - last[counter];
    if (growth < 0) return null;
    rates[counter] = growth && Number((growth / seconds).toPrecision(DIGITS));
  }
  return rates;
}
