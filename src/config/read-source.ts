import type { SourceConfig } from '../sources/create.ts';
import type { Derivation } from '../sources/derived/derived.ts';
import { parsePointer } from '../sources/derived/json-pointer.ts';
import type { Surroundings } from '../sources/environment.ts';
import type { HostReading } from '../sources/host.ts';
import type { JournalMatches } from '../sources/journal/journal-matches.ts';
import type { OutputFormat } from '../sources/output.ts';
import { isMapping } from './format.ts';
import { parseTake, parseWhen } from './derived-formats.ts';
import { parseDuration, variableFault } from './formats.ts';
import { isHttp } from './http-formats.ts';
import type { Complain } from './mistakes.ts';
import { readHttp } from './read-http.ts';
import { sourceKeys } from './schema.ts';
import type { TopicKey } from './schema.ts';

/** A topic as the file says it: known keys only. */
export type RawTopic = Partial<Record<TopicKey, unknown>>;

/**
 * Reads which source a topic has. What is wrong with it is complained of.
 * @param isSpelt Whether all its keys are known. Otherwise, a source that it lacks may be a key that is misspelt.
 */
export function readSource(topic: RawTopic, isSpelt: boolean, complain: Complain): SourceConfig | undefined {
  const [kind, ...others] = sourceKeys.filter((key) => key in topic);
  if (kind === undefined && isSpelt) complain(`no source; expected one of ${sourceKeys.join(', ')}`);
  if (others.length > 0) complain(`two sources, ${kind} and ${others.join(' and ')}; a topic has one`);
  const format = readFormat(topic, kind, complain);
  const plainFormat = format && format !== 'nagios' && { format };
  const watch = topic.watch === true && { watch: true };
  const surroundings = readSurroundings(topic, kind, complain);
  for (const key of ['pick', 'take', 'when'] as const)
    if (topic[key] !== undefined && kind !== undefined && kind !== 'from')
      complain(`${key} goes with from`, key);
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
    case 'stream':
      return { kind, stream: topic.stream as string | string[], ...plainFormat, ...surroundings };
    case 'file':
      return { kind, file: topic.file as string, ...plainFormat, ...watch };
    case 'files':
      return { kind, files: topic.files as string, ...plainFormat, ...watch };
    case 'journal':
      return { kind, journal: topic.journal as JournalMatches };
    case 'http':
      return isHttp(topic.http) ? { kind, http: readHttp(topic.http) } : undefined;
    case 'from':
      return { kind, ...readDerivation(topic) };
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

/** What is no derivation was complained of already. */
function readDerivation({ from, pick, take, when }: RawTopic): Derivation {
  const keys = typeof pick === 'string' ? parsePointer(pick) : undefined;
  const taken = parseTake(take, parseDuration);
  const threshold = parseWhen(when, parseDuration);
  return {
    from: from as string,
    ...(keys && { pick: keys }),
    ...(taken && { take: taken }),
    ...(threshold && { when: threshold }),
  };
}

/** Sources that are programs of the user's. */
const programs = new Set<string>(['command', 'stream', 'module']);

/** What their processes are given. */
function readSurroundings(
  { env, directory }: RawTopic,
  kind: (typeof sourceKeys)[number] | undefined,
  complain: Complain,
): Surroundings {
  for (const [key, value] of Object.entries({ env, directory })) {
    if (value !== undefined && kind !== undefined && !programs.has(kind))
      complain(`${key} goes with command, stream or module`, key);
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

/** Sources of text. */
const texts = new Set<string>(['command', 'stream', 'file', 'files']);

/** @returns undefined for `auto`, as for none. */
function readFormat(
  { format }: RawTopic,
  kind: (typeof sourceKeys)[number] | undefined,
  complain: Complain,
): OutputFormat | undefined {
  if (format === undefined || format === 'auto') return undefined;
  if (kind !== undefined && !texts.has(kind))
    complain('format goes with command, stream, file or files', 'format');
  else if (format === 'nagios' && kind !== 'command')
    complain('nagios goes with command: it has an exit code', 'format');
  else if (format === 'lines' && kind === 'stream')
    complain('lines does not go with stream: each line is a message', 'format');
  return format as OutputFormat;
}
