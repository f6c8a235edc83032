/** When a state is entered: once a number has been above, or below, another for so long. */
export interface Threshold {
  side: 'above' | 'below';
  limit: number;
  /** @default 0: at once */
  forMs?: number;
}

/** Whether a value has been beyond a threshold for long enough. */
export class Condition {
  readonly #threshold: Threshold;
  readonly #changed: (isMet: boolean, value: number) => void;
  /** As it was told last. */
  #isMet: boolean | undefined;
  #value = NaN;
  /** Set while the value is beyond the threshold, but not for long enough yet. */
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param changed Is told whenever it is met, or not any more, and at the first value unless it knows already.
   * @param isMet What it was told last. @default nothing
   */
  constructor(
    threshold: Threshold,
    changed: (isMet: boolean, value: number) => void,
    isMet: boolean | undefined,
  ) {
    this.#threshold = threshold;
    this.#isMet = isMet;
    this.#changed = changed;
  }

  see(value: number): void {
    const { side, limit, forMs = 0 } = this.#threshold;
    this.#value = value;
    const isBeyond = side === 'above' ? value > limit : value < limit;
    if (!isBeyond) {
      this.stop();
      this.#tell(false);
    } else if (forMs === 0) this.#tell(true);
    else if (!this.#isMet) {
      this.#tell(false);
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#tell(true);
      }, forMs);
    }
  }

  /** Nobody knows the value any more: the time begins anew. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #tell(isMet: boolean): void {
    if (isMet === this.#isMet) return;
    this.#isMet = isMet;
    this.#changed(isMet, this.#value);
  }
}
