import { isWildcard } from '../protocol/names.ts';
import { isMapping } from './format.ts';
import { writtenHttp } from './read-http.ts';
import { LOOK, takesTimeout } from './read-topics.ts';
import { topicSchema } from './schema.ts';
import type { Key, TopicKey } from './schema.ts';

type Written = Partial<Record<TopicKey, unknown>>;

/** Topics without mistakes in the words of the file, each with all defaults that hold for its source. */
export function writtenTopics(rawTopics: unknown): Record<string, unknown> {
  const topics = Object.entries((rawTopics ?? {}) as Record<string, Written>);
  return Object.fromEntries(topics.map(([name, topic]) => [name, writtenTopic(name, topic)]));
}

function writtenTopic(name: string, topic: Written): Written {
  const defaults: Written = withoutNull(
    Object.fromEntries(Object.entries<Key>(topicSchema).map(([key, { default: value }]) => [key, value])),
  );
  const { align, timeout, maxBytes, maxTopics, totalBytes, watch, ...rest } = defaults;
  const has = (...keys: TopicKey[]): boolean => keys.some((key) => topic[key] !== undefined);
  const isWatched = topic.watch === true;
  const looks = isWatched && !has('interval', 'cron');
  const isSent = has('publish', 'provide');
  return {
    ...rest,
    ...(has('file', 'files') && { watch }),
    ...(looks && { interval: LOOK }),
    ...((looks || has('interval')) && { align }),
    ...(takesTimeout(topic) && !hasTimeout(topic.http) && { timeout }),
    ...(!isSent && { maxBytes }), // Else clients.frameBytes bounds it as well.
    ...(isWildcard(name) && { maxTopics, totalBytes }),
    ...topic,
    ...(isWatched && { onChange: true }), // It implies that.
    ...(isMapping(topic.http) && { http: writtenHttp(topic.http) }),
  };
}

/** A request can set the timeout of its topic. */
function hasTimeout(http: unknown): boolean {
  return isMapping(http) && http['timeout'] !== undefined;
}

/** The keys that are set. */
export function withoutNull(keys: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== null));
}
