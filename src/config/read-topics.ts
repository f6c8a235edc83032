import { messageOf } from '../errors.ts';
import { isPattern, isTakenElsewhere, isTopic, isWildcard } from '../protocol/names.ts';
import type { SourceConfig } from '../sources/create.ts';
import { isTimezone, machineTimezone } from '../timezone.ts';
import { readAccess } from './account-ids.ts';
import type { Ids } from './account-ids.ts';
import type { Config, First, NamespaceConfig, ScheduleConfig, TopicConfig } from './config.ts';
import { parseCron } from './cron.ts';
import { Convicted } from './convicted.ts';
import { unknownKey } from './did-you-mean.ts';
import { isMapping } from './format.ts';
import { parseDuration, parseSize } from './formats.ts';
import { httpKeys } from './http-formats.ts';
import { journalKeys } from './journal-formats.ts';
import type { Complain, Mistake } from './mistakes.ts';
import { orderDerived } from './order-derived.ts';
import { httpTimeout } from './read-http.ts';
import { readSource } from './read-source.ts';
import type { RawTopic } from './read-source.ts';
import { topicSchema } from './schema.ts';
import type { TopicKey } from './schema.ts';
import { splayOf } from './splay.ts';

/** What `topics` says: topics, and names with wildcards. */
export type Topics = Pick<Config, 'topics' | 'namespaces'>;

/** Reads the `topics` of a configuration file; a topic with a mistake is left out. */
export function readTopics(raw: unknown, ids: Ids, frameBytes: number, mistakes: Mistake[]): Topics {
  const topics: TopicConfig[] = [];
  const namespaces: NamespaceConfig[] = [];
  if (raw === undefined || raw === null) return { topics, namespaces };
  if (!isMapping(raw)) {
    mistakes.push({ path: ['topics'], message: 'expected a mapping of topic names to topics' });
    return { topics, namespaces };
  }
  for (const [name, topic] of Object.entries(raw)) {
    const before = mistakes.length;
    const complain: Complain = (message, ...path) =>
      mistakes.push({ path: ['topics', name, ...path], message });
    const config = readTopic(name, topic, ids, complain);
    if (config) checkSendable(config, topic as RawTopic, frameBytes, complain);
    if (mistakes.length > before || !config) continue;
    if ('maxTopics' in config) namespaces.push(config);
    else topics.push(config);
  }
  return { topics: orderDerived(topics, raw, mistakes), namespaces };
}

function readTopic(
  name: string,
  raw: unknown,
  ids: Ids,
  complain: Complain,
): TopicConfig | NamespaceConfig | undefined {
  checkName(name, complain);
  if (!isMapping(raw)) {
    complain('expected a mapping with a schedule and a source');
    return undefined;
  }
  const { topic, value, isSpelt } = checkedKeys(raw, complain);
  const source = readSource(topic, isSpelt, complain);
  const schedule = readSchedule(name, topic, source?.kind, isSpelt, complain);
  const access = readAccess(topic.access, source?.kind, ids, complain);
  checkNamespace(name, topic, complain);
  if (!source) return undefined;
  return {
    name,
    ...(schedule && { schedule }),
    source,
    first: readFirst(topic, schedule, source, complain),
    access,
    ...(topic.every !== undefined && { everyMs: parseDuration(topic.every) }),
    timeoutMs: parseDuration(httpTimeout(topic, complain) ?? value('timeout')),
    maxBytes: parseSize(value('maxBytes')),
    ...(topic.maxAge !== undefined && { maxAgeMs: parseDuration(topic.maxAge) }),
    onChange: topic.watch === true || (value('onChange') as boolean),
    metrics: value('metrics') as boolean,
    always: value('always') as boolean,
    history: value('history') as number,
    historyBytes: parseSize(value('historyBytes')),
    ...(isWildcard(name) && {
      maxTopics: value('maxTopics') as number,
      totalBytes: parseSize(value('totalBytes')),
    }),
  };
}

function checkName(name: string, complain: Complain): void {
  if (isTakenElsewhere(name)) {
    complain(
      'this name is reserved: it is an event of node-ipc clients, or a property of every JavaScript object',
    );
  } else if (!isTopic(name) && !isPattern(name)) {
    complain(
      'invalid topic name; use words of letters, digits, _ and -, joined by dots; chimed and chimed.… are reserved',
    );
  }
}

/** Only clients that provide topics can say which topics a pattern stands for. */
function checkNamespace(name: string, topic: RawTopic, complain: Complain): void {
  if (isWildcard(name)) {
    if (topic.provide !== true && isPattern(name))
      complain('only a topic with provide: true can have wildcards in its name');
    return;
  }
  for (const key of ['maxTopics', 'totalBytes'] as const)
    if (topic[key] !== undefined)
      complain(`${key} goes with a name that has wildcards, such as ${name}.>`, key);
}

/** The keys that there are, checked, and the defaults of those that are not given. */
function checkedKeys(
  raw: Record<string, unknown>,
  complain: Complain,
): { topic: RawTopic; value: (key: TopicKey) => unknown; isSpelt: boolean } {
  const topic: RawTopic = {};
  for (const [key, value] of Object.entries(raw)) {
    if (Object.hasOwn(topicSchema, key)) topic[key as TopicKey] = value;
    else complain(strangeKey(key), key);
  }
  const convicted = new Convicted<TopicKey>(topicSchema, topic);
  for (const { fullName, sentence } of convicted.misfits) complain(sentence, fullName);
  const isSpelt = Object.keys(topic).length === Object.keys(raw).length;
  return { topic, value: (key) => convicted.get(key), isSpelt };
}

function strangeKey(key: string): string {
  const nested: Partial<Record<TopicKey, readonly string[]>> = { http: httpKeys, journal: journalKeys };
  const owner = Object.entries(nested).find(([, keys]) => keys.includes(key));
  if (owner) return `unknown key of a topic; it belongs in ${owner[0]}, as in ${owner[0]}: {${key}: …}`;
  return unknownKey(key, Object.keys(topicSchema));
}

/** A payload travels in a frame: one that is larger than frames may be could never be published or provided. */
function checkSendable(
  { source, maxBytes }: TopicConfig,
  raw: RawTopic,
  frameBytes: number,
  complain: Complain,
): void {
  const isSent = source.kind === 'publish' || source.kind === 'provide';
  if (!isSent || raw.maxBytes === undefined || !(maxBytes > frameBytes)) return;
  const message = `exceeds clients.frameBytes (${frameBytes} bytes), the most that a client can send; lower it, or raise clients.frameBytes`;
  complain(`${JSON.stringify(raw.maxBytes)} ${message}`, 'maxBytes');
}

function readSchedule(
  name: string,
  topic: RawTopic,
  source: SourceConfig['kind'] | undefined,
  isSpelt: boolean,
  complain: Complain,
): ScheduleConfig | undefined {
  const { interval, cron, align } = topic;
  checkPace(topic, source, complain);
  if (interval !== undefined && cron !== undefined)
    complain('two schedules, interval and cron; a topic has one');
  if (align !== undefined && interval === undefined) complain('align goes with interval', 'align');
  const hasClock = cron !== undefined || align === true;
  const clock = hasClock && readTimezone(topic, complain);
  if (!hasClock && topic.timezone !== undefined) complain('timezone goes with cron or align', 'timezone');
  if (topic.splay !== undefined && interval === undefined && cron === undefined)
    complain('splay goes with interval or cron', 'splay');
  const delay = topic.splay !== undefined && { delayMs: splayOf(name, parseDuration(topic.splay)) };
  if (interval !== undefined)
    return {
      kind: 'interval',
      intervalMs: parseDuration(interval),
      align: align === true,
      ...clock,
      ...delay,
    };
  if (cron !== undefined) return readCron(cron as string, { ...clock, ...delay }, complain);
  if (topic.watch === true) return { kind: 'interval', intervalMs: parseDuration(LOOK), align: false };
  // A misplaced `every`, or a `watch` that is neither true nor false, was meant as one.
  const isMeant = topic.every !== undefined || typeof (topic.watch ?? false) !== 'boolean';
  if (!needsNoSchedule(source) && isSpelt && !isMeant) complain('no schedule; expected interval or cron');
  return undefined;
}

/** How often watched files are read in case a change was not noticed. */
export const LOOK = '1m';

/** Who decides when topics of a source without a schedule send. */
const unscheduled: Partial<Record<SourceConfig['kind'], string>> = {
  provide: 'the provider decides when it sends',
  from: 'it sends when the other topic does',
  stream: 'the program decides when it sends; every: 1s would send the newest line of each second',
  journal: 'entries are sent as they are written; every: 1s would send the newest of each second',
};

const whileSubscribed = 'it runs as long as the topic has subscribers';
/** Why sources take no samples that could be late. */
const timeless: Partial<Record<SourceConfig['kind'], string>> = {
  from: 'it takes no sample of its own; set it for the other topic',
  stream: whileSubscribed,
  journal: whileSubscribed,
};

/** Reports whether a topic can have a timeout. */
export function takesTimeout(topic: Record<string, unknown>): boolean {
  return !Object.keys(timeless).some((source) => topic[source] !== undefined);
}

function needsNoSchedule(source: SourceConfig['kind'] | undefined): boolean {
  return source !== undefined && (source === 'publish' || source in unscheduled);
}

function checkPace(topic: RawTopic, source: SourceConfig['kind'] | undefined, complain: Complain): void {
  const why = source && unscheduled[source];
  for (const key of ['interval', 'cron'] as const)
    if (why && topic[key] !== undefined) complain(`${key} does not go with ${source}: ${why}`, key);
  const endless = source && timeless[source];
  if (topic.timeout !== undefined && endless)
    complain(`timeout does not go with ${source}: ${endless}`, 'timeout');
  if (source === undefined) return;
  const needsInterval = !(source in unscheduled) && topic.interval === undefined && topic.cron === undefined;
  if (topic.every !== undefined && source !== 'stream' && source !== 'journal')
    complain(`every goes with stream or journal${needsInterval ? '; use interval' : ''}`, 'every');
  if (topic.watch === true && source !== 'file' && source !== 'files')
    complain('watch goes with file or files', 'watch');
}

/** Whose clock it goes by; the machine's is named, so that a reload notices when that has become another. */
function readTimezone({ timezone }: RawTopic, complain: Complain): { timezone: string } {
  if (typeof timezone !== 'string') return { timezone: machineTimezone() };
  if (isTimezone(timezone)) return { timezone };
  const expected = 'expected a time zone such as Europe/Berlin or +05:30';
  complain(`${expected}, but it is ${JSON.stringify(timezone)}`, 'timezone');
  return { timezone: 'UTC' };
}

/** A clock's times are for whoever is there then; an interval is a promise of how old a message may be. */
function readFirst(
  topic: RawTopic,
  schedule: ScheduleConfig | undefined,
  { kind }: SourceConfig,
  complain: Complain,
): First {
  const first = topic.first as First | undefined;
  const isStream = kind in unscheduled || kind === 'publish';
  if (first === 'sample' && isStream) {
    const how = { publish: 'that clients publish to', provide: 'that clients provide' }[kind as string];
    complain(`a topic ${how ?? `of a ${kind}`} has no source to sample; expected last or none`, 'first');
  }
  const isPlain = schedule?.kind === 'interval' && !schedule.align && kind !== 'publish';
  return first ?? (isPlain ? 'sample' : 'last');
}

function readCron(
  pattern: string,
  clock: { timezone?: string; delayMs?: number },
  complain: Complain,
): ScheduleConfig | undefined {
  try {
    if (!parseCron(pattern, clock.timezone).nextRun()) throw new Error('it never matches a date');
  } catch (error) {
    complain(`expected a cron pattern such as "*/5 * * * *": ${messageOf(error)}`, 'cron');
    return undefined;
  }
  return { kind: 'cron', pattern, ...clock };
}
