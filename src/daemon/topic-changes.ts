import { isDeepStrictEqual } from 'node:util';

import type { Config, TopicConfig } from '../config/config.ts';
import type { Logger } from '../log.ts';
import type { Rejection } from '../protocol/messages.ts';
import { inTurns } from './in-turns.ts';
import { registeredFrame } from './requests/registration.ts';
import type { RequestContext } from './requests/request-context.ts';
import type { Session } from './session.ts';
import { createTopicParts } from './topics/topic-parts.ts';
import type { Change, TopicSet } from './topics/topic-set.ts';
import type { TopicParts } from './topics/topic-parts.ts';
import type { Topic } from './topics/topic.ts';

/** What another configuration changes of the topics. No tick waits for it: what is much is done in several turns. */
export class TopicChanges {
  /** Those that are new, or not as they were. */
  readonly changed: readonly TopicParts[];
  readonly removed: readonly Topic[];

  /** Finds them, and makes their sources. Nothing changes yet. */
  static async between(topics: TopicSet, config: Config, logger: Logger): Promise<TopicChanges> {
    const wanted = new Set<string>();
    const different: TopicConfig[] = [];
    await inTurns(config.topics, (topic) => {
      wanted.add(topic.name);
      if (!isDeepStrictEqual(topic, topics.get(topic.name)?.config)) different.push(topic);
    });
    const removed: Topic[] = [];
    await inTurns([...topics], (topic) => {
      if (!wanted.has(topic.name)) removed.push(topic);
    });
    const changed: TopicParts[] = [];
    await inTurns(different, (topic) => changed.push(createTopicParts(config, topic, logger)));
    return new TopicChanges(changed, removed);
  }

  private constructor(changed: readonly TopicParts[], removed: readonly Topic[]) {
    this.changed = changed;
    this.removed = removed;
  }

  /** Changes them, and tells the clients who hear something else now. */
  async apply(context: RequestContext): Promise<void> {
    const { topics } = context;
    const affected = new Set<Session>();
    await inTurns(this.removed, (topic) => tell(topics.remove(topic), context, affected));
    await inTurns(this.changed, (parts) => tell(topics.put(parts), context, affected));
    await inTurns(affected, (client) => client.answer(registeredFrame(client, context)));
  }
}

/** Tells those who may not hear a topic any more. */
function tell(
  { topic, added, removed }: Change,
  { topics, index }: RequestContext,
  affected: Set<Session>,
): void {
  for (const client of [...added, ...removed] as Session[]) affected.add(client);
  const { name } = topic;
  const isGone = topics.get(name) === undefined;
  const asking = index.find(name)?.subscribers;
  for (const client of removed as Session[]) {
    if (isGone && !asking?.has(client)) continue; // Its patterns may match others.
    const rejection: Pick<Rejection, 'code' | 'message'> = isGone
      ? { code: 'unknown-topic', message: `a reload removed the topic ${name}` }
      : { code: 'not-allowed', message: `a reload removed the permission to subscribe to ${name}` };
    if (!isGone) client.forget(name);
    client.refuse({ ...rejection, request: 'chimed.register', topic: name });
  }
}
