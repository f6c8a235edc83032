import type { Status, TopicStatus } from '../protocol/status-snapshot.ts';
import {
  buildInfo,
  daemonFamilies,
  lateness,
  leftOut,
  topicFamilies,
  topicsLeftOut,
  up,
  userFamilies,
  value,
} from './metric-families.ts';
import type { Family } from './metric-families.ts';
import { MetricText, labelsOf } from './metric-text.ts';
import type { MetricFormat } from './metric-text.ts';
import { limits, numbersOf } from './payload-numbers.ts';
import type { PayloadNumbers } from './payload-numbers.ts';

/** The last message of each topic that has `metrics: true`, by the topic's name. */
export type TopicValues = ReadonlyMap<string, { data: unknown; stale?: true }>;

export interface MetricOptions {
  /** @default openmetrics */
  format?: MetricFormat;
  /** Milliseconds since the epoch, for ages. @default now */
  now?: number;
  /** How many topics with `metrics: true` are not in the values because there are too many. @default 0 */
  topicsLeftOut?: number;
}

/**
 * Renders a snapshot as metrics. Numbers of stale messages are left out, and families that the daemon knows nothing of.
 * @param status Undefined if there is no daemon: then `chimed_up` is all, and 0.
 */
export function openMetrics(
  status: Status | undefined,
  values: TopicValues,
  { format = 'openmetrics', now = Date.now(), topicsLeftOut: left = 0 }: MetricOptions = {},
): string {
  const text = new MetricText(format);
  const write = <Subject>(family: Family<Subject>, subjects: Iterable<readonly [string, Subject]>): void => {
    text.family(family);
    for (const [label, subject] of subjects) {
      const number = family.of(subject, now);
      if (number !== undefined && number !== null) text.sample(family.name, label, Number(number));
    }
  };
  write(up, [['', status]]);
  if (!status) return text.end();
  write(buildInfo, [[labelsOf({ version: status.version }), status]]);
  for (const family of daemonFamilies) write(family, [['', status]]);
  const users = (status.users ?? []).map(
    (user) => [labelsOf({ uid: String(user.uid ?? 'none') }), user] as const,
  );
  for (const family of userFamilies) write(family, users);
  const topics = status.topics.map((topic) => [labelsOf({ topic: topic.topic }), topic] as const);
  for (const family of topicFamilies) write(family, topics);
  writeLateness(text, topics);
  writeValues(text, status.topics, values);
  text.family(topicsLeftOut);
  text.sample(topicsLeftOut.name, '', left);
  return text.end();
}

function writeLateness(text: MetricText, topics: readonly (readonly [string, TopicStatus])[]): void {
  const { name, bounds } = lateness;
  text.family(lateness);
  for (const [label, topic] of topics) {
    const ticks = lateness.of(topic);
    if (!ticks) continue;
    const others = label.slice(0, -1);
    let count = 0;
    for (const [bucket, bound] of [...bounds, '+Inf'].entries()) {
      count += ticks.counts[bucket] ?? 0;
      text.sample(`${name}_bucket`, `${others},le="${bound}"}`, count);
    }
    text.sample(`${name}_sum`, label, ticks.sumMs / 1000);
    text.sample(`${name}_count`, label, count);
  }
}

function writeValues(text: MetricText, topics: readonly TopicStatus[], values: TopicValues): void {
  const all = new Map<string, PayloadNumbers>();
  let room: number = limits.inAll;
  for (const { topic, metrics, lastError } of topics) {
    const last = values.get(topic);
    if (!metrics || !last || last.stale || lastError !== null) continue;
    const found = numbersOf(last.data, Math.min(limits.perTopic, room));
    room -= found.numbers.size;
    all.set(topic, found);
  }
  text.family(value);
  for (const [topic, { numbers }] of all)
    for (const [key, number] of numbers) text.sample(value.name, labelsOf({ topic, key }), number);
  text.family(leftOut);
  for (const [topic, found] of all) text.sample(leftOut.name, labelsOf({ topic }), found.leftOut);
}
