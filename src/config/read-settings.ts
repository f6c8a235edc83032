import convict from 'convict';

import { Misfit, validate } from './convicted.ts';
import { unknownKey } from './did-you-mean.ts';
import { isMapping } from './format.ts';
import type { Format } from './format.ts';
import { formats } from './formats.ts';
import type { Mistake } from './mistakes.ts';
import type { RawImport, RawTls } from './nats-formats.ts';
import { settingsSchema } from './schema.ts';
import type { Key } from './schema.ts';

type Environment = Record<string, string | undefined>;
type Sections = typeof settingsSchema;
/** What is written by another type than a text, by formats. */
interface Written {
  count: number;
  servers: string | string[];
  patterns: string | string[];
  imports: RawImport[];
  tls: RawTls;
}
type Value<K extends Key> =
  | (K['format'] extends keyof Written ? Written[K['format']] : string)
  | (K['default'] extends null ? null : never);

/** The settings as a person writes them, defaults filled in. */
export type Settings = { [S in keyof Sections]: { [K in keyof Sections[S]]: Value<Sections[S][K] & Key> } };

const schema = nullable(settingsSchema) as convict.Schema<Settings>;

/** Lays what the file says over the defaults and the environment over both, and checks the result. */
export function readSettings(raw: Record<string, unknown>, env: Environment, mistakes: Mistake[]): Settings {
  // convict reads the command line too, and would take `--help` for its own.
  const conf = convict<Settings>(schema, { env: withoutEmpty(env), args: [] });
  const mappings: MappingValue[] = [];
  conf.load(knownSettings(raw, mappings, mistakes));
  for (const { fullName, sentence } of validate(conf)) {
    const path = fullName.split('.');
    const variable = variableOf(path);
    if (variable && env[variable]) mistakes.push({ path, message: `${sentence}, in $${variable}`, variable });
    else mistakes.push({ path, message: sentence });
  }
  const settings = conf.getProperties();
  for (const { path, value } of mappings) setAt(settings, path, value);
  return settings;
}

/** A value that is a mapping: convict would take its keys for those of the schema. */
interface MappingValue {
  path: [section: string, key: string];
  value: Record<string, unknown>;
}

function setAt(settings: object, [section, key]: MappingValue['path'], value: unknown): void {
  (settings as Record<string, Record<string, unknown>>)[section]![key] = value;
}

/** A variable that is empty says nothing. */
function withoutEmpty(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
}

function variableOf(path: readonly string[]): string | undefined {
  return keyOf(path)?.env;
}

function keyOf([section, key]: readonly string[]): Key | undefined {
  return (settingsSchema as Record<string, Record<string, Key>>)[section!]?.[key!];
}

/** The part of the file that has the shape of the schema; convict itself stumbles over the rest. */
function knownSettings(
  raw: Record<string, unknown>,
  mappings: MappingValue[],
  mistakes: Mistake[],
): Record<string, Record<string, unknown>> {
  const known: Record<string, Record<string, unknown>> = {};
  for (const [section, values] of Object.entries(raw)) {
    if (section.startsWith('x-')) continue; // The file's own, to merge from.
    if (!Object.hasOwn(settingsSchema, section)) {
      mistakes.push({
        path: [section],
        message: unknownKey(section, [...Object.keys(settingsSchema), 'topics']),
      });
    } else if (values !== null && !isMapping(values)) {
      mistakes.push({ path: [section], message: `expected a mapping with ${keysOf(section).join(', ')}` });
    } else {
      known[section] = knownKeys(section, values ?? {}, mappings, mistakes);
    }
  }
  return known;
}

function knownKeys(
  section: string,
  values: Record<string, unknown>,
  mappings: MappingValue[],
  mistakes: Mistake[],
): Record<string, unknown> {
  const known: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    const path: MappingValue['path'] = [section, key];
    if (!keysOf(section).includes(key)) mistakes.push({ path, message: unknownKey(key, keysOf(section)) });
    else if (!isMapping(value)) known[key] = value;
    else if (keyOf(path)?.format !== 'tls')
      mistakes.push({ path, message: 'expected one value, but it is a mapping' });
    else if (formats.tls.check(value)) mappings.push({ path, value });
    else mistakes.push({ path, message: new Misfit(formats.tls satisfies Format, value).sentence });
  }
  return known;
}

function keysOf(section: string): string[] {
  return Object.keys(settingsSchema[section as keyof typeof settingsSchema]);
}

/** For convict, a key whose default is null may be left unset only if it says so. */
function nullable(sections: Record<string, Record<string, Key>>): object {
  return mapValues(sections, (section) =>
    mapValues(section, (key) => ({ ...key, nullable: key.default === null })),
  );
}

function mapValues<T, U>(object: Record<string, T>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));
}
