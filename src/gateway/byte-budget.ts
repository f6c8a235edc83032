/** How much of a budget one user can take. */
const SHARE = 0.25;

/** Bytes of memory that requests and answers hold: bounded for each user, and for all together. */
export class ByteBudget {
  readonly #bytes: number;
  readonly #taken = new Map<string, number>();
  #sum = 0;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** Takes bytes for a user, if there are as many left. @returns whether it did. */
  take(user: string, bytes: number): boolean {
    const own = (this.#taken.get(user) ?? 0) + bytes;
    if (own > this.#bytes * SHARE || this.#sum + bytes > this.#bytes) return false;
    this.#taken.set(user, own);
    this.#sum += bytes;
    return true;
  }

  /** Gives bytes back. */
  release(user: string, bytes: number): void {
    const left = (this.#taken.get(user) ?? 0) - bytes;
    if (left > 0) this.#taken.set(user, left);
    else this.#taken.delete(user);
    this.#sum -= bytes;
  }
}
