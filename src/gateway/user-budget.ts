/** Something that there is a limited amount of: so much for each user, and so much for all together. */
export class UserBudget {
  readonly #perUser: number;
  readonly #total: number;
  readonly #taken = new Map<string, number>();
  #sum = 0;

  constructor({ perUser, total }: { perUser: number; total: number }) {
    this.#perUser = perUser;
    this.#total = total;
  }

  /** Takes an amount for a user, if there is as much left. @returns whether it did. */
  take(user: string, amount = 1): boolean {
    const own = (this.#taken.get(user) ?? 0) + amount;
    if (own > this.#perUser || this.#sum + amount > this.#total) return false;
    this.#taken.set(user, own);
    this.#sum += amount;
    return true;
  }

  /** Gives an amount back. */
  release(user: string, amount = 1): void {
    const left = (this.#taken.get(user) ?? 0) - amount;
    if (left > 0) this.#taken.set(user, left);
    else this.#taken.delete(user);
    this.#sum -= amount;
  }
}
