/** Points that are kept for each topic. */
export const MOST_POINTS = 600;
/** Length at first: most topics are slow. */
const FIRST_POINTS = 32;

/** The last points of several numbers at the same times, in rings of bounded size. A number is NaN where it is unknown. */
export class Points {
  /** Milliseconds since the epoch. */
  #times = new Float64Array(FIRST_POINTS);
  #numbers: Float64Array[] = [];
  #start = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** How many numbers each point has. */
  get width(): number {
    return this.#numbers.length;
  }

  /** @param numbers NaN for those that are unknown; those that are new are unknown before. */
  push(time: number, numbers: readonly number[]): void {
    if (this.#length === this.#times.length && this.#length < MOST_POINTS) this.#grow();
    while (this.#numbers.length < numbers.length)
      this.#numbers.push(new Float64Array(this.#times.length).fill(Number.NaN));
    const place = (this.#start + this.#length) % this.#times.length;
    if (this.#length < this.#times.length) this.#length += 1;
    else this.#start = (this.#start + 1) % this.#times.length;
    this.#times[place] = time;
    for (const [index, ring] of this.#numbers.entries()) ring[place] = numbers[index] ?? Number.NaN;
  }

  time(index: number): number {
    return this.#times[this.#place(index)]!;
  }

  /** @returns null where the number is unknown. */
  number(which: number, index: number): number | null {
    const number = this.#numbers[which]![this.#place(index)]!;
    return Number.isNaN(number) ? null : number;
  }

  #place(index: number): number {
    return (this.#start + index) % this.#times.length;
  }

  /** Only a ring that has never been full grows, so its start is 0. */
  #grow(): void {
    this.#times = longer(this.#times);
    this.#numbers = this.#numbers.map(longer);
  }

  /** A copy that can be sent to another tab. */
  toTable(): PointTable {
    const rows = Array.from({ length: this.#length }, (_, index) => index);
    return {
      times: rows.map((index) => this.time(index)),
      numbers: this.#numbers.map((_, which) => rows.map((index) => this.number(which, index) ?? Number.NaN)),
    };
  }

  static from({ times, numbers }: PointTable): Points {
    const points = new Points();
    for (const [index, time] of times.entries())
      points.push(
        time,
        numbers.map((column) => column[index]!),
      );
    return points;
  }
}

export interface PointTable {
  times: number[];
  /** A column for each number. */
  numbers: number[][];
}

function longer(ring: Float64Array): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(Math.min(ring.length * 2, MOST_POINTS)).fill(Number.NaN);
  grown.set(ring);
  return grown;
}
