import { STATUS_PAGE } from './limits.ts';

/** How often the list may be gone through, should topics come and go without end. */
const MOST_PASSES = 5;

/** Gathers the topics of a status, which comes in pages. */
export class StatusPages<T extends { topic: string }> {
  readonly #found = new Map<string, T>();
  #taken = 0;

  get topics(): T[] {
    return [...this.#found.values()];
  }

  /**
   * Takes a page.
   * @param page Of a daemon of version 0.1, it has no `topicCount`, and all topics.
   * @returns what to ask for to get the next one; undefined if all topics have come.
   */
  take({
    topics,
    topicCount = 0,
  }: {
    topics: readonly T[];
    topicCount?: number;
  }): { after?: string } | undefined {
    for (const topic of topics) this.#found.set(topic.topic, topic);
    const mostPages = MOST_PASSES * (topicCount / STATUS_PAGE + 1);
    if (this.#found.size >= topicCount || ++this.#taken > mostPages) return undefined;
    const last = topics.at(-1);
    // Without one, the topic in `after` is gone, or has come back at the end: the list begins again.
    return last ? { after: last.topic } : {};
  }
}
