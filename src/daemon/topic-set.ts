import type { Logger } from '../log.ts';
import type { Client } from './client.ts';
import type { SavedMessages } from './message-log.ts';
import type { Registry } from './registry.ts';
import { Topic } from './topic.ts';
import type { TopicParts } from './topic.ts';

/** The configured topics: adds, changes and removes them, and keeps the numbering of those that are gone. */
export class TopicSet {
  readonly #registry: Registry;
  readonly #logger: Logger;
  /** Numbering of topics that are not configured now: should they come back, they go on from there. */
  readonly #numbering: Map<string, SavedMessages>;
  /** Settles when the sources of removed topics have ended. */
  #closing: Promise<unknown> = Promise.resolve();

  /** @param saved What was numbered before, by topic. */
  constructor(registry: Registry, logger: Logger, saved: Record<string, SavedMessages>) {
    this.#registry = registry;
    this.#logger = logger;
    this.#numbering = new Map(Object.entries(saved));
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
    const topic = new Topic(parts, this.#logger, this.#numbering.get(name));
    this.#numbering.delete(name);
    topic.open();
    return this.#registry.addTopic(topic);
  }

  /** Removes a topic; returns the clients who heard it. */
  remove(name: string): Client[] {
    const topic = this.#registry.topic(name);
    const audience = this.#registry.removeTopic(topic);
    this.#numbering.set(name, topic.save());
    this.#closing = Promise.allSettled([this.#closing, topic.close()]);
    return audience;
  }

  /** Stops all ticks and samples; resolves when these have ended. */
  async close(): Promise<void> {
    const closing = [...this.#registry.topics.values()].map((topic) => topic.close());
    await Promise.all([this.#closing, ...closing]);
  }

  /** The numbering and the kept messages of all topics. */
  save(): Record<string, SavedMessages> {
    const topics = [...this.#registry.topics].map(([name, topic]) => [name, topic.save()] as const);
    return Object.fromEntries([...this.#numbering, ...topics]);
  }
}
