import type { Client, Message } from '../../src/index.ts';
import type { EarHistory, FleetHistory } from './fleet-history.ts';

/** A listener on a machine: what it hears is kept in a history. */
export class Ear implements AsyncDisposable {
  readonly history: EarHistory;
  /** How long after their tick messages were heard, in milliseconds, but for the first of each topic. */
  readonly lateness: number[] = [];
  readonly #all: FleetHistory;
  readonly #client: Client;
  readonly #seen = new Set<string>();
  #waiters: (() => void)[] = [];
  /** Is told of each message. */
  onMessage: (message: Message) => void = () => {};

  constructor(name: string, client: Client, patterns: string | string[], all: FleetHistory) {
    this.#all = all;
    this.#client = client;
    this.history = all.listen(name);
    void this.#listen(patterns);
  }

  /** Waits until it has heard so many different topics. */
  async hears(topics: number): Promise<void> {
    await this.#until(() => this.history.topics.length >= topics);
  }

  /**
   * Waits until it has heard the latest message that each origin has numbered.
   * @returns what does not hold then, of all listeners.
   */
  async verdict(): Promise<string[]> {
    let found: string[] | undefined;
    // At that very moment: the next message is recorded by the one before the other.
    await this.#until(() => {
      if (!this.#all.isCaughtUp(this.history)) return false;
      found = this.#all.verdict();
      return true;
    });
    return found!;
  }

  /** Waits for so many further messages. */
  async hearsMore(messages: number): Promise<void> {
    const enough = this.history.messages + messages;
    await this.#until(() => this.history.messages >= enough);
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  async #listen(patterns: string | string[]): Promise<void> {
    for await (const message of this.#client.listen(patterns, { buffer: 100_000 })) {
      const { topic, time } = message;
      if (this.#seen.has(topic)) this.lateness.push(performance.timeOrigin + performance.now() - time);
      this.#seen.add(topic);
      this.history.hear(message);
      this.onMessage(message);
      const waiters = this.#waiters;
      this.#waiters = [];
      for (const check of waiters) check();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }
}

/** Records what a daemon numbers, by a listener of its own: its topics are awake as long as that listens. */
export class OriginRecord {
  readonly #client: Client;

  constructor(machine: string, client: Client, patterns: string | string[], all: FleetHistory) {
    this.#client = client;
    void (async () => {
      for await (const { topic, instance, seq } of client.listen(patterns, { buffer: 100_000 }))
        all.number(`remote.${machine}.${topic}`, instance, seq);
    })();
  }

  /** The origin's topics may sleep again. */
  async end(): Promise<void> {
    await this.#client.close();
  }
}
