import type { Logger } from '../log.ts';
import type { Client } from './client.ts';
import type { HistoryBudget } from './history-budget.ts';
import type { SavedMessages } from './message-log.ts';
import type { Registry } from './registry.ts';
import type { SavedTopics } from './state.ts';
import { Topic } from './topic.ts';
import type { TopicParts } from './topic.ts';

/** Removed topics whose own numbering is kept, in case a reload brings them back. */
const MOST_REMOVED = 1000;

/** The configured topics: adds, changes and removes them, and keeps the numbering of removed ones. */
export class TopicSet {
  readonly #registry: Registry;
  readonly #logger: Logger;
  readonly #budget: HistoryBudget;
  /** What a restart restores, until `begin` has taken it. */
  #saved: Map<string, SavedMessages>;
  /** Numbers of the latest messages of removed topics, the first removed first. */
  readonly #removed = new Map<string, number>();
  /** The highest number of a topic that was forgotten: new topics start after it, so that no number comes twice. */
  #floor: number;
  /** Settles when the sources of removed topics have ended. */
  #closing: Promise<unknown> = Promise.resolve();

  /** @param saved What was numbered before. */
  constructor(registry: Registry, logger: Logger, budget: HistoryBudget, saved: SavedTopics) {
    this.#registry = registry;
    this.#logger = logger;
    this.#budget = budget;
    this.#saved = new Map(saved.topics);
    this.#floor = saved.floor;
  }

  /** Adds the first topics. Of saved topics that are not among them, only the number is kept. */
  begin(all: readonly TopicParts[]): void {
    for (const parts of all) this.put(parts);
    for (const [name, { seq }] of this.#saved) this.#keepNumber(name, seq);
    this.#saved = new Map();
  }

  /** Adds a topic, or changes one; returns the clients who now hear more or less than before. */
  put(parts: TopicParts): Client[] {
    const { name } = parts.config;
    const existing = this.#registry.topics.get(name);
    if (existing) {
      existing.replace(parts);
      const affected = this.#registry.refreshTopic(existing);
      existing.open(); // Not before: nobody may hear it who may not any more.
      return affected;
    }
    const topic = new Topic(parts, this.#logger, this.#budget, this.#restore(name));
    topic.open();
    return this.#registry.addTopic(topic);
  }

  /** Removes a topic; returns the clients who heard it. */
  remove(name: string): Client[] {
    const topic = this.#registry.topic(name);
    const audience = this.#registry.removeTopic(topic);
    this.#keepNumber(name, topic.seq);
    topic.clear();
    this.#closing = Promise.allSettled([this.#closing, topic.close()]);
    return audience;
  }

  /** Stops all ticks and samples; resolves when these have ended. */
  async close(): Promise<void> {
    const closing = [...this.#registry.topics.values()].map((topic) => topic.close());
    await Promise.all([this.#closing, ...closing]);
  }

  /** The numbering and the kept messages of the configured topics. */
  save(): SavedTopics {
    return {
      floor: Math.max(this.#floor, ...this.#removed.values()),
      topics: new Map([...this.#registry.topics].map(([name, topic]) => [name, topic.save()])),
    };
  }

  #restore(name: string): SavedMessages {
    const saved = this.#saved.get(name) ?? { seq: this.#removed.get(name) ?? this.#floor, messages: [] };
    this.#saved.delete(name);
    this.#removed.delete(name);
    return saved;
  }

  #keepNumber(name: string, seq: number): void {
    if (seq === 0) return;
    this.#removed.set(name, seq);
    for (const [oldest, number] of this.#removed) {
      if (this.#removed.size <= MOST_REMOVED) return;
      this.#removed.delete(oldest);
      this.#floor = Math.max(this.#floor, number);
    }
  }
}
