import { messageOf } from '../../errors.ts';
import { threadReads } from '../thread-reads.ts';
import { within } from '../within.ts';

/** The limits of one sample. */
export interface Limits {
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * Makes system calls that may wait for a disk or a driver, one at a time, and together with reads of files no
 * more than `threadReads` lets: whatever hangs holds up a thread, and not the event loop.
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
    const over = new AbortController();
    const callAll = async (): Promise<Result[]> => {
      const results: Result[] = [];
      for (const item of items) {
        await this.#turn(over.signal);
        const result = call(item);
        const free = (): void => {
          threadReads.give();
          this.#current = undefined;
        };
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
      over.abort();
    }
  }

  /** Waits for a thread while no other call is under way. */
  async #turn(signal: AbortSignal): Promise<void> {
    for (;;) {
      while (this.#current) await this.#current.settled;
      await threadReads.take(signal);
      if (!this.#current) return;
      threadReads.give(); // Another one was faster.
    }
  }
}
