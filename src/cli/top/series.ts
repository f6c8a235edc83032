/** Numbers that a series keeps. */
export const SERIES_LENGTH = 60;

/** The last numbers of one place in the payloads of a topic. */
export class Series {
  readonly #ring = new Float64Array(SERIES_LENGTH);
  #count = 0;

  push(value: number): void {
    this.#ring[this.#count++ % SERIES_LENGTH] = value;
  }

  /** The last numbers, the oldest first. @param most How many at most. */
  last(most: number = SERIES_LENGTH): number[] {
    const length = Math.min(most, this.#count, SERIES_LENGTH);
    return Array.from({ length }, (_, index) => this.#ring[(this.#count - length + index) % SERIES_LENGTH]!);
  }
}

const BARS = '▁▂▃▄▅▆▇█';

/** One bar a number, between the smallest and the largest of them. */
export function sparkline(values: readonly number[]): string {
  const halves = values.map((value) => value / 2); // The range of two large numbers may be none.
  const least = Math.min(...halves);
  const range = Math.max(...halves) - least;
  if (range === 0) return BARS[0]!.repeat(values.length);
  return halves.map((half) => BARS[Math.round(((half - least) / range) * (BARS.length - 1))]).join('');
}
