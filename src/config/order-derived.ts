import { REMOTE } from '../protocol/fleet-names.ts';
import { isTopic, isWildcard, matches } from '../protocol/names.ts';
import type { TopicConfig } from './config.ts';
import { didYouMean } from './did-you-mean.ts';
import type { Mistake } from './mistakes.ts';

/** How many derived topics can be made of each other, one after the other. */
const MOST_STEPS = 10;

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
        mistakes.push({ path: ['topics', topic.name, 'from'], message: `a cycle: ${circle}` });
        break;
      }
      chain.push(next);
      next = next.source.kind === 'from' ? byName.get(next.source.from) : undefined;
    }
    for (const link of chain.toReversed()) ordered.set(link.name, inheriting(link, ordered));
    const message = topic.source.kind === 'from' && mistakeOf(topic.source.from, raw);
    if (message) mistakes.push({ path: ['topics', topic.name, 'from'], message });
  }
  checkLengths(ordered.values(), mistakes);
  return [...ordered.values()];
}

/** A message goes through a whole chain at once. */
function checkLengths(ordered: Iterable<TopicConfig>, mistakes: Mistake[]): void {
  const steps = new Map<string, number>();
  for (const { name, source } of ordered) {
    const count = source.kind === 'from' ? (steps.get(source.from) ?? 0) + 1 : 0;
    steps.set(name, count);
    if (count !== MOST_STEPS + 1) continue;
    const message = `it is the end of a chain of more than ${MOST_STEPS} derived topics; shorten the chain`;
    mistakes.push({ path: ['topics', name, 'from'], message });
  }
}

function mistakeOf(from: string, raw: Record<string, unknown>): string | undefined {
  if (!isTopic(from)) return `expected the name of one topic, but it is ${JSON.stringify(from)}`;
  if (Object.hasOwn(raw, from)) return undefined;
  const names = Object.keys(raw);
  const pattern = [...names.filter(isWildcard), `${REMOTE}.>`].find((name) => matches(name, from));
  if (pattern !== undefined)
    return `${from} is a topic of ${pattern}; from needs a topic that is configured by its own name`;
  const hint = didYouMean(from, names.filter(isTopic));
  return `there is no topic ${from} in this configuration${hint === undefined ? '' : `; ${hint}`}`;
}

function inheriting(topic: TopicConfig, others: ReadonlyMap<string, TopicConfig>): TopicConfig {
  if (topic.source.kind !== 'from' || topic.access.subscribe) return topic;
  const subscribe = others.get(topic.source.from)?.access.subscribe;
  return subscribe ? { ...topic, access: { ...topic.access, subscribe } } : topic;
}
