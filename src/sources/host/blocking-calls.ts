import { messageOf } from '../../errors.ts';
import { within } from '../within.ts';

/** The limits of one sample. */
export interface Limits {
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * Makes system calls that may wait for a disk or a driver, one at a time for all topics: whatever hangs holds up
 * one of Node's four threads, and not the event loop.
 */
export class BlockingCalls {
  #current: { name: string; settled: Promise<unknown> } | undefined;

  /**
   * Makes a call for each item, in order.
   * @throws at the limits, with the name of what does not answer.
   */
  async each<Item, Result>(
    items: readonly Item[],
    nameOf: (item: Item) => string,
    call: (item: Item) => Promise<Result>,
    { timeoutMs, signal }: Limits,
  ): Promise<Result[]> {
    let isOver = false;
    const callAll = async (): Promise<Result[]> => {
      const results: Result[] = [];
      for (const item of items) {
        while (this.#current) await this.#current.settled;
        if (isOver) break;
        const result = call(item);
        const free = (): void => void (this.#current = undefined);
        this.#current = { name: nameOf(item), settled: result.then(free, free) };
        results.push(await result);
      }
      return results;
    };
    try {
      return await within(callAll(), timeoutMs, signal);
    } catch (error) {
      if (!this.#current) throw error;
      throw new Error(`${this.#current.name} does not answer: ${messageOf(error)}`, { cause: error });
    } finally {
      isOver = true;
    }
  }
}
