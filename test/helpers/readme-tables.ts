import { formats } from '../../src/config/formats.ts';
import type { Format } from '../../src/config/formats.ts';
import { settingsSchema, topicSchema } from '../../src/config/schema.ts';
import type { Key } from '../../src/config/schema.ts';
import { codes } from '../../src/errors.ts';

/** README's tables, as the schema and the catalogue have them. */
export const readmeTables = {
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
  errors: table(
    ['code', 'meaning', 'what helps'],
    Object.entries(codes).map(([code, { meaning, remedy }]) => [`\`${code}\``, meaning, remedy]),
  ),
};

function expected({ format }: Key): string {
  return (formats[format] satisfies Format).expected;
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
