/** Writes the tables of settings, topic keys, metrics and error codes into the documents. Usage: tables.ts */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Format } from '../src/config/format.ts';
import { formats } from '../src/config/formats.ts';
import { settingsSchema, topicSchema } from '../src/config/schema.ts';
import type { Key } from '../src/config/schema.ts';
import { codes } from '../src/errors.ts';
import * as families from '../src/gateway/metric-families.ts';

const root = join(import.meta.dirname, '..');

/** The tables by the names that documents call them, in `<!-- table of NAME -->`. */
export const tables: Readonly<Record<string, string>> = {
  settings: table(
    ['key', 'default', 'meaning', 'expected', 'variable'],
    Object.entries(settingsSchema).flatMap(([section, keys]) =>
      Object.entries<Key>(keys).map(([name, key]) => [
        `\`${section}.${name}\``,
        shown(key.default),
        key.doc,
        expected(key),
        key.env ? `\`${key.env}\`` : '',
      ]),
    ),
  ),
  topics: table(
    ['key', 'default', 'meaning', 'expected'],
    Object.entries<Key>(topicSchema).map(([name, key]) => [
      `\`${name}\``,
      shown(key.default),
      key.doc,
      expected(key),
    ]),
  ),
  metrics: table(
    ['metric', 'labels', 'type', 'meaning'],
    [
      metricRow(families.up),
      metricRow(families.buildInfo, 'version'),
      ...families.daemonFamilies.map((family) => metricRow(family)),
      ...families.userFamilies.map((family) => metricRow(family, 'uid')),
      ...families.topicFamilies.map((family) => metricRow(family, 'topic')),
      metricRow(families.lateness, 'topic', 'le'),
      metricRow(families.value, 'topic', 'key'),
      metricRow(families.leftOut, 'topic'),
      metricRow(families.topicsLeftOut),
    ],
  ),
  codes: table(
    ['code', 'meaning', 'what to do'],
    Object.entries(codes).map(([code, { meaning, remedy }]) => [`\`${code}\``, meaning, remedy]),
  ),
};

/** The document with its tables as the source has them now. */
export function withTables(document: string): string {
  return document.replace(/(<!-- table of (\w+) -->\n)(?:\|.*\n)*/g, (_, mark: string, name: string) => {
    const content = tables[name];
    if (content === undefined) throw new Error(`there is no table of ${name}`);
    return `${mark}${content}\n`;
  });
}

function expected({ format }: Key): string {
  return (formats[format] satisfies Format).expected;
}

function metricRow(
  { name, type, help }: { name: string; type: string; help: string },
  ...labels: string[]
): string[] {
  return [`\`${name}\``, labels.map((label) => `\`${label}\``).join(', '), type, help];
}

function shown(value: Key['default']): string {
  return value === null ? 'not set' : `\`${value}\``;
}

function table(heads: string[], rows: string[][]): string {
  return [row(heads), row(heads.map(() => '---')), ...rows.map(row)].join('\n');
}

function row(cells: string[]): string {
  return `| ${cells.join(' | ')} |`;
}

if (import.meta.main) {
  for (const file of globSync(join(root, 'docs/*.md')))
    writeFileSync(file, withTables(readFileSync(file, 'utf8')));
}
