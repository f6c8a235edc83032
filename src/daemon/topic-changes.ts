import { isDeepStrictEqual } from 'node:util';

import type { Config, NamespaceConfig, TopicConfig } from '../config/config.ts';
import type { Logger } from '../log.ts';
import type { Rejection } from '../protocol/messages.ts';
import { inTurns } from '../in-turns.ts';
import { registeredFrame } from './requests/registration.ts';
import type { RequestContext } from './requests/request-context.ts';
import type { Session } from './session.ts';
import type { Pattern } from './subscribers/audience.ts';
import { namespaceOf } from './topics/namespaces.ts';
import { unprovidedFrame } from './topics/source-notices.ts';
import { createTopicParts } from './topics/topic-parts.ts';
import type { Change, TopicSet } from './topics/topic-set.ts';
import type { TopicParts } from './topics/topic-parts.ts';
import type { Topic, TopicNamespace } from './topics/topic.ts';

/** What another configuration changes of the topics. No tick waits for it: what is much is done in several turns. */
export class TopicChanges {
  readonly #wanted: ReadonlySet<string>;
  readonly #changed: readonly TopicParts[];
  readonly #namespaces: readonly NamespaceConfig[];
  readonly #changedNamespaces: readonly NamespaceConfig[];
  readonly #removed: { name: string }[] = [];

  /** Finds them, and makes their sources. Nothing changes yet. */
  static async between(topics: TopicSet, config: Config, logger: Logger): Promise<TopicChanges> {
    const wanted = new Set<string>();
    const different: TopicConfig[] = [];
    await inTurns(config.topics, (topic) => {
      wanted.add(topic.name);
      const existing = topics.get(topic.name);
      if (existing?.namespace || !isDeepStrictEqual(topic, existing?.config)) different.push(topic);
    });
    const changed: TopicParts[] = [];
    await inTurns(different, (topic) => changed.push(createTopicParts(config, topic, logger)));
    const changedNamespaces = config.namespaces.filter(
      (namespace) => !topics.namespaces.some((other) => isDeepStrictEqual(other.config, namespace)),
    );
    return new TopicChanges(wanted, changed, config.namespaces, changedNamespaces);
  }

  private constructor(
    wanted: ReadonlySet<string>,
    changed: readonly TopicParts[],
    namespaces: readonly NamespaceConfig[],
    changedNamespaces: readonly NamespaceConfig[],
  ) {
    this.#wanted = wanted;
    this.#changed = changed;
    this.#namespaces = namespaces;
    this.#changedNamespaces = changedNamespaces;
  }

  /** Topics and namespaces that are new, or not as they were. */
  get changed(): { name: string }[] {
    return [...this.#changed.map(({ config }) => config), ...this.#changedNamespaces];
  }

  /** Topics and namespaces that are gone, once the changes are applied. */
  get removed(): readonly { name: string }[] {
    return this.#removed;
  }

  /** Changes them, and tells the clients who hear something else now. */
  async apply(context: RequestContext): Promise<void> {
    const { topics, index } = context;
    const affected = new Set<Session>();
    const before = topics.namespaces;
    topics.configureNamespaces(this.#namespaces);
    const gone = before.filter((namespace) => !topics.namespaces.includes(namespace));
    this.#removed.push(...gone.map(({ config }) => config));
    const unmatched = gone.length > 0 ? [...index.unmatched()] : []; // Before topics go, whose subscribers are told as well.
    const changed = new Set(this.#changedNamespaces);
    await inTurns([...topics], (topic) => {
      const { name, config } = topic;
      if (this.#wanted.has(name) || topics.get(name) !== topic) return; // A client has given it up meanwhile.
      const namespace = config.source.kind === 'provide' ? topics.namespaceOf(name) : undefined;
      if (!namespace) {
        if (!topic.namespace) this.#removed.push(topic);
        remove(topic, `a reload removed the topic ${name}`, context, affected);
      } else if (topic.namespace !== namespace || changed.has(namespace.config))
        tell(topics.put(namespace.partsOf(name), namespace), context, affected);
    });
    await inTurns(this.#changed, (parts) => tell(topics.put(parts), context, affected));
    for (const namespace of topics.namespaces)
      await inTurns(namespace.surplus(), (topic) => {
        const { maxTopics, name } = namespace.config;
        remove(topic, `a reload lowered maxTopics of ${name} to ${maxTopics}`, context, affected);
      });
    await inTurns(unmatched, (pattern) => tellUnmatched(pattern, gone, context));
    await inTurns(affected, (client) => client.answer(registeredFrame(client, context)));
  }
}

/** Tells those who registered for a topic that no client provides and no client can provide any more. */
function tellUnmatched(
  { text, subscribers }: Pattern,
  gone: readonly TopicNamespace[],
  { topics }: RequestContext,
): void {
  if (topics.get(text) || topics.namespaceOf(text) || !namespaceOf(gone, text)) return;
  for (const client of subscribers as Set<Session>)
    client.refuse({
      code: 'unknown-topic',
      message: `a reload removed the topic ${text}`,
      request: 'chimed.register',
      topic: text,
    });
}

/** Removes a topic, and tells its provider. */
function remove(topic: Topic, message: string, context: RequestContext, affected: Set<Session>): void {
  const { name, provider, namespace } = topic;
  tell(context.topics.remove(topic), context, affected);
  const code =
    namespace && context.topics.namespaces.includes(namespace) ? 'too-many-topics' : 'unknown-topic';
  (provider as Session | undefined)?.refuse({ code, message, request: 'chimed.provide', topic: name });
}

/** Tells those who may not hear a topic any more. */
function tell(
  { topic, added, removed, formerProvider }: Change,
  { topics, index }: RequestContext,
  affected: Set<Session>,
): void {
  if (formerProvider) tellFormerProvider(topic, formerProvider as Session);
  for (const client of [...added, ...removed] as Session[]) affected.add(client);
  const { name } = topic;
  const isGone = topics.get(name) === undefined;
  const asking = index.find(name)?.subscribers;
  for (const client of removed as Session[]) {
    if (isGone && !asking?.has(client)) continue; // Its patterns may match others.
    if (isGone && topics.namespaceOf(name)) {
      client.notice(name, unprovidedFrame(name)); // A client can provide it again.
      continue;
    }
    const rejection: Pick<Rejection, 'code' | 'message'> = isGone
      ? { code: 'unknown-topic', message: `a reload removed the topic ${name}` }
      : { code: 'not-allowed', message: `a reload removed the permission to subscribe to ${name}` };
    if (!isGone) client.forget(name);
    client.refuse({ ...rejection, request: 'chimed.register', topic: name });
  }
}

function tellFormerProvider({ name, config }: Topic, client: Session): void {
  const rejection: Pick<Rejection, 'code' | 'message'> =
    config.source.kind === 'provide'
      ? { code: 'not-allowed', message: `a reload removed the permission to provide ${name}` }
      : { code: 'not-providable', message: `a reload gave ${name} another source` };
  client.refuse({ ...rejection, request: 'chimed.provide', topic: name });
}
