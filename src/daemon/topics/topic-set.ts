import { isDeepStrictEqual } from 'node:util';

import type { NamespaceConfig } from '../../config/config.ts';
import { ChimedError } from '../../errors.ts';
import type { EventLog } from '../../log-events.ts';
import type { FollowTopic } from '../../sources/derived/derived.ts';
import { clipped } from '../../text.ts';
import { BoundedLog } from '../../bounded-log.ts';
import { Namespace, namespaceOf } from './namespaces.ts';
import { Numbering } from './numbering.ts';
import type { SavedTopics } from './state.ts';
import { includes } from '../subscribers/access.ts';
import type { Audience, Subscriber } from '../subscribers/audience.ts';
import type { Provider } from '../subscribers/provider.ts';
import type { SubscriptionIndex } from '../subscribers/subscription-index.ts';
import { Topic } from './topic.ts';
import type { TopicParts } from './topic-parts.ts';
import type { TopicNamespace, TopicTools } from './topic.ts';

/** How many topics an error names. */
const NAMED = 20;

/** What a reload has changed for subscribers. */
export interface Change {
  topic: Topic;
  /** Hear it now, and did not. */
  added: Subscriber[];
  /** Heard it, and do not any more. */
  removed: Subscriber[];
  /** Provided it, and may not any more. */
  formerProvider?: Provider;
}

/** The topics, those that are configured and those of namespaces: adds, changes and removes them, and keeps the numbering of those that are gone. */
export class TopicSet implements Iterable<Topic> {
  readonly #topics = new Map<string, Topic>();
  /** Lines about each topic. */
  readonly #logs = new Map<Topic, BoundedLog>();
  readonly #index: SubscriptionIndex;
  readonly #logger: EventLog;
  readonly #allLines = BoundedLog.forAll();
  readonly #tools: TopicTools;
  readonly #numbering: Numbering;
  #namespaces: TopicNamespace[] = [];
  #revision = 0;
  /** Settles when the sources of removed topics have ended. */
  #closing: Promise<unknown> = Promise.resolve();

  /** @param saved What was numbered before. */
  constructor(
    index: SubscriptionIndex,
    logger: EventLog,
    tools: Omit<TopicTools, 'follow'>,
    saved: SavedTopics,
  ) {
    this.#index = index;
    this.#logger = logger;
    this.#tools = { ...tools, follow: this.#follow };
    this.#numbering = new Numbering(saved);
  }

  /** Adds the first topics, and those that a restart has kept of the namespaces. */
  begin(all: readonly TopicParts[], namespaces: readonly NamespaceConfig[] = []): void {
    for (const parts of all) this.put(parts);
    this.configureNamespaces(namespaces);
    for (const name of this.#numbering.saved) {
      const namespace = namespaceOf(this.#namespaces, name);
      if (namespace && namespace.size < namespace.config.maxTopics) this.#add(name, namespace);
    }
    this.#numbering.restored();
  }

  /** Goes over to other namespaces. Those of the same name keep their topics. */
  configureNamespaces(configs: readonly NamespaceConfig[]): void {
    const before = new Map(this.#namespaces.map((namespace) => [namespace.config.name, namespace]));
    this.#namespaces = configs.map((config) => {
      const namespace = before.get(config.name);
      if (!isDeepStrictEqual(namespace?.config, config)) this.#revision++;
      namespace?.configure(config);
      return namespace ?? new Namespace<Topic>(config, this.#tools.budget, (topic) => this.remove(topic));
    });
    if (configs.length < before.size) this.#revision++;
  }

  readonly #follow: FollowTopic = (name, follower, signal) => {
    const topic = this.#topics.get(name);
    if (!topic) throw new Error(`there is no topic ${name}`);
    topic.follow(follower);
    signal.addEventListener('abort', () => topic.unfollow(follower));
  };

  get namespaces(): readonly TopicNamespace[] {
    return this.#namespaces;
  }

  /** The namespace that a topic of this name is of, or would be if a client provided it. */
  namespaceOf(name: string): TopicNamespace | undefined {
    return namespaceOf(this.#namespaces, name);
  }

  /** Changes whenever a topic is added, changed or removed. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * Adds a topic of a namespace that a client provides. Its audience gets nothing: there is no message.
   * @throws {ChimedError} `too-many-topics` if the namespace has no room.
   */
  addProvided(name: string, namespace: TopicNamespace, provider: Provider): Change {
    namespace.makePlace();
    const topic = this.#add(name, namespace);
    topic.provide(provider, true);
    topic.open();
    return { topic, added: hearers(topic.audience), removed: [] };
  }

  get size(): number {
    return this.#topics.size;
  }

  [Symbol.iterator](): Iterator<Topic> {
    return this.#topics.values();
  }

  get(name: string): Topic | undefined {
    return this.#topics.get(name);
  }

  /** The topic that an audience hears. */
  of({ topic }: Audience): Topic {
    return this.#topics.get(topic)!;
  }

  /**
   * The topic of this name.
   * @param isVisible Which topics the error may name.
   * @throws {ChimedError} `unknown-topic`; the message lists those that there are.
   */
  find(name: string, isVisible: (topic: Topic) => boolean): Topic {
    const topic = this.#topics.get(name);
    if (topic) return topic;
    const names: string[] = [];
    for (const other of this.#topics.values()) {
      if (isVisible(other)) names.push(other.name);
      if (names.length > NAMED) break;
    }
    const more = names.length > NAMED ? ', and more' : '';
    const named = names.slice(0, NAMED).toSorted().join(', ');
    const known = names.length === 0 ? 'there are none' : `there is ${named}${more}`;
    throw new ChimedError('unknown-topic', `there is no topic ${clipped(name)}; ${known}`);
  }

  /** Adds a topic, or changes one; whoever is registered for it hears it from now on, as far as it may. */
  put(parts: TopicParts, namespace?: TopicNamespace): Change {
    const existing = this.#topics.get(parts.config.name);
    if (existing) return this.#replace(existing, parts, namespace);
    const topic = this.#create(parts, namespace);
    const added = hearers(topic.audience);
    for (const subscriber of added) topic.join(subscriber);
    topic.open();
    return { topic, added, removed: [] };
  }

  #add(name: string, namespace: TopicNamespace): Topic {
    return this.#create(namespace.partsOf(name), namespace);
  }

  #create(parts: TopicParts, namespace: TopicNamespace | undefined): Topic {
    const { name, access } = parts.config;
    const audience = this.#index.addTopic(name, access.subscribe);
    const log = new BoundedLog(this.#logger, { topic: name }, this.#allLines);
    const topic = new Topic(parts, audience, log, this.#tools, this.#numbering.take(name), namespace);
    namespace?.add(topic);
    this.#topics.set(name, topic);
    this.#logs.set(topic, log);
    this.#revision++;
    return topic;
  }

  /** Removes a topic. Its audience keep their patterns: it may come back. */
  remove(topic: Topic): Change {
    const removed = hearers(topic.audience);
    this.#index.removeTopic(topic.audience);
    this.#topics.delete(topic.name);
    this.#numbering.keep(topic.name, topic);
    topic.remove();
    this.#revision++;
    this.#closing = this.#closeAfter(this.#closing, topic);
    return { topic, added: [], removed };
  }

  /** Keeps nothing of what came before: topics can come and go without end. */
  async #closeAfter(before: Promise<unknown>, topic: Topic): Promise<void> {
    await Promise.allSettled([before, this.#close(topic)]);
  }

  /** Stops all ticks and samples; resolves when these have ended. */
  async close(): Promise<void> {
    const closing = [...this.#topics.values()].map((topic) => this.#close(topic));
    await Promise.all([this.#closing, ...closing]);
  }

  async #close(topic: Topic): Promise<void> {
    await topic.close();
    this.#logs.get(topic)?.close();
    this.#logs.delete(topic);
  }

  /** The numbering and the kept messages of the configured topics. */
  save(): SavedTopics {
    const topics = new Map([...this.#topics].map(([name, topic]) => [name, topic.save()]));
    return { floor: this.#numbering.floor, offset: this.#tools.offsets.last, topics };
  }

  #replace(topic: Topic, parts: TopicParts, namespace: TopicNamespace | undefined): Change {
    const { audience, provider } = topic;
    const before = new Set(hearers(audience));
    audience.accounts = parts.config.access.subscribe;
    topic.replace(parts, namespace);
    if (topic.provider && !includes(parts.config.access.provide, topic.provider.peer))
      topic.withdraw('a reload removed the permission of its provider');
    this.#revision++;
    const now = new Set(hearers(audience));
    const added = [...now].filter((subscriber) => !before.has(subscriber));
    for (const subscriber of added) topic.join(subscriber);
    topic.open();
    return {
      topic,
      added,
      removed: [...before].filter((subscriber) => !now.has(subscriber)),
      ...(provider && !topic.provider && { formerProvider: provider }),
    };
  }
}

function hearers(audience: Audience): Subscriber[] {
  const found: Subscriber[] = [];
  audience.each((subscriber) => found.push(subscriber));
  return found;
}
