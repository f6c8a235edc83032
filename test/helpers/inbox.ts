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
    const { promise, resolve, reject } = Promise.withResolvers<U>();
    const check = (): void => {
      const found = this.items.slice(from).find(wanted as (item: T) => boolean);
      if (found !== undefined) resolve(found as U);
      else if (this.#ended !== undefined) {
        reject(new Error(`never came; ${this.#ended}; what came: ${JSON.stringify(this.items.slice(-20))}`));
      }
    };
    this.#waiters.add(check);
    check();
    return promise.finally(() => this.#waiters.delete(check));
  }

  /** Waits until there are `count` items that `wanted` accepts, and returns these. */
  async take(count: number, wanted: (item: T) => boolean = () => true): Promise<T[]> {
    const chosen = (): T[] => this.items.filter(wanted);
    await this.find(() => chosen().length >= count);
    return chosen().slice(0, count);
  }
}
