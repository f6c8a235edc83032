/** Things that came in, and a way to wait for one that has yet to come. */
export class Inbox<T> {
  readonly items: T[] = [];
  readonly #waiters = new Set<() => void>();
  #ended: string | undefined;

  push(item: T): void {
    this.items.push(item);
    for (const check of this.#waiters) check();
  }

  /** Nothing more will come; those who wait are told why. */
  end(reason: string): void {
    this.#ended = reason;
    for (const check of this.#waiters) check();
  }

  /** The first item that `wanted` accepts, from index `from` on. */
  async find<U extends T>(wanted: ((item: T) => item is U) | ((item: T) => boolean), from = 0): Promise<U> {
    const [found] = await this.#collect(1, wanted, from);
    return found as U;
  }

  /** Waits until there are `count` items that `wanted` accepts, from index `from` on, and returns these. */
  take(count: number, wanted: (item: T) => boolean = () => true, from = 0): Promise<T[]> {
    return this.#collect(count, wanted, from);
  }

  #collect(count: number, wanted: (item: T) => boolean, from: number): Promise<T[]> {
    const { promise, resolve, reject } = Promise.withResolvers<T[]>();
    const found: T[] = [];
    let next = from;
    const check = (): void => {
      while (found.length < count && next < this.items.length) {
        const item = this.items[next++]!;
        if (wanted(item)) found.push(item);
      }
      if (found.length === count) resolve(found);
      else if (this.#ended !== undefined) {
        reject(new Error(`never came; ${this.#ended}; what came: ${JSON.stringify(this.items.slice(-20))}`));
      }
    };
    this.#waiters.add(check);
    check();
    return promise.finally(() => this.#waiters.delete(check));
  }
}
