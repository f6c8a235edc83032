import type { NamespaceConfig } from '../../config/config.ts';
import { ChimedError } from '../../errors.ts';
import { isTakenElsewhere, matches } from '../../protocol/names.ts';
import { HistoryBudget } from './history-budget.ts';
import type { Shrinkable } from './history-budget.ts';
import type { TopicParts } from './topic-parts.ts';

/** Bounds what the topics of a namespace keep, within what all topics can keep. */
class NamespaceBudget extends HistoryBudget {
  readonly #all: HistoryBudget | undefined;
  readonly #most: () => number;

  constructor(most: () => number, all: HistoryBudget | undefined) {
    super(most);
    this.#most = most;
    this.#all = all;
  }

  override add(log: Shrinkable): void {
    super.add(log);
    this.#all?.add(log);
  }

  override remove(log: Shrinkable): void {
    super.remove(log);
    this.#all?.remove(log);
  }

  override change(bytes: number): void {
    super.change(bytes);
    this.#all?.change(bytes);
  }

  override enforce(): void {
    if (this.bytes > this.#most()) this.free(); // Latest messages alone are never more: see `makeRoom`.
    this.#all?.enforce();
  }
}

/** A topic, as its namespace sees it. */
interface Member {
  readonly name: string;
  /** Who provides it, if somebody does. */
  readonly provider: unknown;
  readonly audience: { readonly isEmpty: boolean };
  /** Of the latest message that it keeps. */
  readonly latestBytes: number;
}

/** A name with wildcards, and the topics that match it and that clients provide, or did: bounded in number and bytes. */
export class Namespace<T extends Member> {
  #config: NamespaceConfig;
  readonly budget: NamespaceBudget;
  readonly #topics = new Set<T>();
  /** Those without a provider, the longest gone first. */
  readonly #gone = new Set<T>();
  readonly #remove: (topic: T) => void;

  /**
   * @param all Bounds what all topics keep.
   * @param remove Removes a topic.
   */
  constructor(config: NamespaceConfig, all: HistoryBudget | undefined, remove: (topic: T) => void) {
    this.#config = config;
    this.budget = new NamespaceBudget(() => this.#config.totalBytes, all);
    this.#remove = remove;
  }

  get config(): NamespaceConfig {
    return this.#config;
  }

  /** Goes over to another configuration of the same name. */
  configure(config: NamespaceConfig): void {
    this.#config = config;
  }

  /** What a topic of this name is made of. */
  partsOf(name: string): TopicParts {
    const { maxTopics: _, totalBytes: _bytes, ...topic } = this.#config;
    return { config: Object.freeze({ ...topic, name }), source: undefined };
  }

  get size(): number {
    return this.#topics.size;
  }

  add(topic: T): void {
    this.#topics.add(topic);
    if (!topic.provider) this.#gone.add(topic);
  }

  delete(topic: T): void {
    this.#topics.delete(topic);
    this.#gone.delete(topic);
  }

  /** The provider of a topic is gone. */
  gone(topic: T): void {
    this.#gone.add(topic);
  }

  /** A topic has a provider again. */
  returned(topic: T): void {
    this.#gone.delete(topic);
  }

  /**
   * Makes room for one topic more: one that nobody provides or hears goes.
   * @throws {ChimedError} `too-many-topics` if there is none.
   */
  makePlace(): void {
    const { name, maxTopics } = this.#config;
    if (this.size < maxTopics) return;
    const idle = this.#idle;
    if (idle) return this.#remove(idle);
    throw new ChimedError(
      'too-many-topics',
      `Too many topics match ${name}: limit ${maxTopics} (maxTopics), and each has a provider or subscribers.`,
    );
  }

  /**
   * Makes room for a message: histories can shrink, and topics go that nobody provides or hears.
   * @param bytes By how much it is larger than the topic's latest message.
   * @throws {ChimedError} `too-large` if the latest messages of the others alone leave no room.
   */
  makeRoom(bytes: number, topic: T): void {
    const { totalBytes, name } = this.#config;
    let excess = this.budget.bytes + bytes - totalBytes;
    if (excess <= 0 || bytes <= 0) return;
    excess -= this.budget.spareBytes;
    for (let idle = this.#idle; excess > 0 && idle; idle = this.#idle) {
      excess -= idle.latestBytes;
      this.#remove(idle);
    }
    if (excess <= 0) return;
    throw new ChimedError(
      'too-large',
      `${topic.name}: with this message, the topics that match ${name} hold more than ${totalBytes} bytes (totalBytes)`,
    );
  }

  /** The topics that are too many, once `maxTopics` has become lower: first those that nobody hears or provides. */
  surplus(): T[] {
    const count = Math.max(this.size - this.#config.maxTopics, 0);
    if (count === 0) return [];
    const unheard = [...this.#gone].filter(({ audience }) => audience.isEmpty);
    const newestFirst = [...this.#topics].toReversed();
    return [...new Set([...unheard, ...this.#gone, ...newestFirst])].slice(0, count);
  }

  /** The topic that has been without a provider for longest, of those that nobody hears. */
  get #idle(): T | undefined {
    for (const topic of this.#gone) if (topic.audience.isEmpty) return topic;
    return undefined;
  }
}

/** The namespace that a topic of this name is of: the first that matches. */
export function namespaceOf<T extends { config: NamespaceConfig }>(
  namespaces: Iterable<T>,
  name: string,
): T | undefined {
  if (isTakenElsewhere(name)) return undefined;
  for (const namespace of namespaces) if (matches(namespace.config.name, name)) return namespace;
  return undefined;
}
