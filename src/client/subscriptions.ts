import type { ChimedError } from '../errors.ts';
import type { Heard, MessageQueue, Position } from './message-queue.ts';

/** All subscriptions of a client: what to register for, what to resume after, and who hears a message. */
export class Subscriptions {
  readonly #all = new Set<MessageQueue>();
  /** The latest message of each topic: what to resume after, and what another subscription begins with. */
  readonly #latest = new Map<string, Heard>();
  /** Where topics stood from which no message has come yet, if an earlier client had heard them. */
  readonly #began = new Map<string, Position>();

  /** Topics and patterns that the daemon must have us registered for. */
  get patterns(): string[] {
    return [...new Set([...this.#all].flatMap(({ patterns }) => patterns))];
  }

  /** Up to where each topic was heard, by us or by an earlier client. */
  get positions(): ReadonlyMap<string, Position> {
    return new Map<string, Position>([...this.#began, ...this.#latest]);
  }

  /** An earlier client has heard a topic up to here: what is missing after that is missed. */
  begin(topic: string, position: Position): void {
    if (!this.hears(topic)) return;
    this.#began.set(topic, position);
    for (const subscription of this.#all) if (subscription.hears(topic)) subscription.begin(topic, position);
  }

  /** True if a subscription hears this topic. */
  hears(topic: string): boolean {
    for (const subscription of this.#all) if (subscription.hears(topic)) return true;
    return false;
  }

  /** Adds a subscription; returns those of its patterns that are new. */
  add(subscription: MessageQueue): string[] {
    const before = this.patterns;
    this.#all.add(subscription);
    for (const message of this.#latest.values())
      if (subscription.hears(message.topic)) subscription.push(message);
    return subscription.patterns.filter((pattern) => !before.includes(pattern));
  }

  /** Removes a subscription; returns those of its patterns that nobody wants any more. */
  remove(subscription: MessageQueue): string[] {
    if (!this.#all.delete(subscription)) return [];
    // What nobody hears is not missed either: a later registration starts afresh.
    for (const topics of [this.#latest, this.#began])
      for (const topic of topics.keys()) if (!this.hears(topic)) topics.delete(topic);
    const after = this.patterns;
    return subscription.patterns.filter((pattern) => !after.includes(pattern));
  }

  /**
   * Hands a message to all who hear its topic.
   * @returns true if the topic's numbering has changed: nobody can count what came between.
   */
  push(message: Heard): boolean {
    const { topic, seq, instance } = message;
    const latest = this.#latest.get(topic) ?? this.#began.get(topic);
    // Not again what a second registration brings, and not what was still on its way when the last loop ended.
    if ((latest?.instance === instance && seq <= latest.seq) || !this.hears(topic)) return false;
    this.#latest.set(topic, message);
    this.#began.delete(topic);
    for (const subscription of this.#all) if (subscription.hears(topic)) subscription.push(message);
    return latest !== undefined && latest.instance !== instance;
  }

  /**
   * This numbering has ended: its topics have nothing to resume. Those of other numberings keep their place.
   * @returns whether there were any.
   */
  forget(instance: string): boolean {
    let found = false;
    for (const topics of [this.#latest, this.#began]) {
      for (const [topic, position] of topics) {
        if (position.instance === instance) found = topics.delete(topic);
      }
    }
    return found;
  }

  /** Those that asked for exactly this pattern. */
  asking(pattern: string): MessageQueue[] {
    return [...this.#all].filter(({ patterns }) => patterns.includes(pattern));
  }

  /** Ends them all. */
  end(error?: ChimedError): void {
    for (const subscription of this.#all) subscription.end(error);
    this.#all.clear();
  }
}
