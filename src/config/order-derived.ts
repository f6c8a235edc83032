import { isTopic } from '../protocol/names.ts';
import type { TopicConfig } from './config.ts';
import type { Mistake } from './mistakes.ts';

/**
 * Puts each topic that is made of another one behind that, and keeps it from those who may not hear the other one,
 * unless it has a list of its own.
 * @param raw All topics of the file, also those with mistakes.
 */
export function orderDerived(
  topics: readonly TopicConfig[],
  raw: Record<string, unknown>,
  mistakes: Mistake[],
): TopicConfig[] {
  const byName = new Map(topics.map((topic) => [topic.name, topic]));
  const ordered = new Map<string, TopicConfig>();
  for (const topic of topics) {
    const chain: TopicConfig[] = [];
    for (let next: TopicConfig | undefined = topic; next && !ordered.has(next.name);) {
      if (chain.includes(next)) {
        const circle = [...chain, next].map(({ name }) => name).join(' from ');
        mistakes.push({ path: ['topics', topic.name, 'from'], message: `it is made of itself: ${circle}` });
        break;
      }
      chain.push(next);
      next = next.source.kind === 'from' ? byName.get(next.source.from) : undefined;
    }
    for (const link of chain.toReversed()) ordered.set(link.name, inheriting(link, ordered));
    const message = topic.source.kind === 'from' && mistakeOf(topic.source.from, raw);
    if (message) mistakes.push({ path: ['topics', topic.name, 'from'], message });
  }
  return [...ordered.values()];
}

function mistakeOf(from: string, raw: Record<string, unknown>): string | undefined {
  if (!isTopic(from)) return `expected the name of one topic, but it is ${JSON.stringify(from)}`;
  return Object.hasOwn(raw, from) ? undefined : `there is no topic ${from} in this configuration`;
}

function inheriting(topic: TopicConfig, others: ReadonlyMap<string, TopicConfig>): TopicConfig {
  if (topic.source.kind !== 'from' || topic.access.subscribe) return topic;
  const subscribe = others.get(topic.source.from)?.access.subscribe;
  return subscribe ? { ...topic, access: { ...topic.access, subscribe } } : topic;
}
