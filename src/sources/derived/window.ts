export const reductions = ['min', 'max', 'avg', 'last'] as const;
export type Reduction = (typeof reductions)[number];

/** One value for all that came in a period. Its memory does not grow with their number. */
export class Window {
  readonly #reduction: Reduction;
  #count = 0;
  #result: unknown;

  constructor(reduction: Reduction) {
    this.#reduction = reduction;
  }

  /** @param value A number, unless the reduction is `last`. */
  add(value: unknown): void {
    this.#count++;
    this.#result = this.#count === 1 ? value : this.#reduce(this.#result as number, value);
  }

  #reduce(result: number, value: unknown): unknown {
    switch (this.#reduction) {
      case 'min':
        return Math.min(result, value as number);
      case 'max':
        return Math.max(result, value as number);
      case 'avg': // A mean, not a sum: sums of large numbers overflow.
        return result + ((value as number) - result) / this.#count;
      case 'last':
        return value;
      default:
        return this.#reduction satisfies never;
    }
  }

  /** Ends the period. @returns its value; undefined if nothing came. */
  end(): unknown {
    const isMean = this.#reduction === 'avg' && this.#count > 0;
    const result = isMean ? rounded(this.#result as number) : this.#result;
    this.#count = 0;
    this.#result = undefined;
    return result;
  }
}

/** Without the last digits, which are the errors of its sums. */
function rounded(mean: number): number {
  return Number(mean.toPrecision(12));
}
