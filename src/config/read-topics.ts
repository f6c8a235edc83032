import { messageOf } from '../errors.ts';
import { isPattern, isTakenElsewhere, isTopic, isWildcard } from '../protocol/names.ts';
import type { SourceConfig } from '../sources/create.ts';
import type { Surroundings } from '../sources/environment.ts';
import type { HostReading } from '../sources/host.ts';
import type { OutputFormat } from '../sources/output.ts';
import { isTimezone, machineTimezone } from '../timezone.ts';
import { readAccess } from './account-ids.ts';
import type { Ids } from './account-ids.ts';
import type { Config, First, NamespaceConfig, ScheduleConfig, TopicConfig } from './config.ts';
import { parseCron } from './cron.ts';
import { Convicted } from './convicted.ts';
import { isMapping } from './format.ts';
import { parseDuration, parseSize, variableFault } from './formats.ts';
import type { Complain, Mistake } from './mistakes.ts';
import { sourceKeys, topicSchema } from './schema.ts';
import type { TopicKey } from './schema.ts';
import { unknownKey } from './read-settings.ts';
import { splayOf } from './splay.ts';

type RawTopic = Partial<Record<TopicKey, unknown>>;

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
  return { topics, namespaces };
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
  const { topic, value } = checkedKeys(raw, complain);
  const source = readSource(topic, complain);
  const schedule = readSchedule(name, topic, source?.kind, complain);
  const access = readAccess(topic.access, source?.kind, ids, complain);
  checkNamespace(name, topic, complain);
  if (!source) return undefined;
  return {
    name,
    ...(schedule && { schedule }),
    source,
    first: readFirst(topic, schedule, source, complain),
    access,
    timeoutMs: parseDuration(value('timeout')),
    maxBytes: parseSize(value('maxBytes')),
    ...(topic.maxAge !== undefined && { maxAgeMs: parseDuration(topic.maxAge) }),
    onChange: value('onChange') as boolean,
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
): { topic: RawTopic; value: (key: TopicKey) => unknown } {
  const topic: RawTopic = {};
  for (const [key, value] of Object.entries(raw)) {
    if (Object.hasOwn(topicSchema, key)) topic[key as TopicKey] = value;
    else complain(unknownKey(key, Object.keys(topicSchema)), key);
  }
  const convicted = new Convicted<TopicKey>(topicSchema, topic);
  for (const { fullName, sentence } of convicted.misfits) complain(sentence, fullName);
  return { topic, value: (key) => convicted.get(key) };
}

function readSource(topic: RawTopic, complain: Complain): SourceConfig | undefined {
  const [kind, ...others] = sourceKeys.filter((key) => key in topic);
  if (kind === undefined) complain(`no source; expected one of ${sourceKeys.join(', ')}`);
  if (others.length > 0) complain(`two sources, ${kind} and ${others.join(' and ')}; a topic has one`);
  const format = readFormat(topic, kind, complain);
  const surroundings = readSurroundings(topic, kind, complain);
  switch (kind) {
    case 'data':
      return { kind, data: topic.data };
    case 'command':
      return {
        kind,
        command: topic.command as string | string[],
        ...(format && { format }),
        ...surroundings,
      };
    case 'file':
      return { kind, file: topic.file as string, ...(format && format !== 'nagios' && { format }) };
    case 'module':
      return { kind, module: topic.module as string, ...surroundings };
    case 'host':
      return { kind, host: topic.host as HostReading };
    case 'publish':
    case 'provide':
      return { kind };
    case undefined:
      return undefined;
    default:
      return kind satisfies never;
  }
}

/** What the process of a command or a module is given. */
function readSurroundings(
  { env, directory }: RawTopic,
  kind: (typeof sourceKeys)[number] | undefined,
  complain: Complain,
): Surroundings {
  for (const [key, value] of Object.entries({ env, directory })) {
    if (value !== undefined && kind !== 'command' && kind !== 'module')
      complain(`${key} goes with command or module`, key);
  }
  const variables = isMapping(env) ? Object.entries(env) : [];
  for (const [name, value] of variables) {
    const fault = variableFault(name, value);
    // A value that was written into the name is not shown either.
    if (fault !== undefined) complain(fault, 'env', name.replace(/=.*/s, ''));
  }
  return {
    ...(env !== undefined && {
      env: Object.fromEntries(variables.map(([name, value]) => [name, String(value)])),
    }),
    ...(directory !== undefined && { directory: directory as string }),
  };
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

/** @returns undefined for `auto`, as for none. */
function readFormat(
  { format }: RawTopic,
  kind: (typeof sourceKeys)[number] | undefined,
  complain: Complain,
): OutputFormat | undefined {
  if (format === undefined || format === 'auto') return undefined;
  if (kind !== 'command' && kind !== 'file') complain('format goes with command or file', 'format');
  else if (format === 'nagios' && kind === 'file')
    complain('nagios goes with command: it has an exit code', 'format');
  return format as OutputFormat;
}

function readSchedule(
  name: string,
  topic: RawTopic,
  source: SourceConfig['kind'] | undefined,
  complain: Complain,
): ScheduleConfig | undefined {
  const { interval, cron, align } = topic;
  if (source === 'provide')
    for (const key of ['interval', 'cron'] as const)
      if (topic[key] !== undefined)
        complain(`${key} does not go with provide: the provider decides when it sends`, key);
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
  if (source !== 'publish' && source !== 'provide') complain('no schedule; expected interval or cron');
  return undefined;
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
  if (first === 'sample' && (kind === 'publish' || kind === 'provide')) {
    const how = kind === 'publish' ? 'publish to' : 'provide';
    complain(`a topic that clients ${how} has no source to sample; expected last or none`, 'first');
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
