import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';

import { loadConfig } from '../../src/config/load.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';

let folder: Folder;

beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(folder.file('conf.d'));
  return () => folder[Symbol.dispose]();
});

/** Writes files; `''` is the configuration itself, the others are in `conf.d`. */
function load(files: Record<string, string>) {
  for (const [name, text] of Object.entries(files))
    writeFileSync(folder.file(name === '' ? 'chimed.yaml' : `conf.d/${name}`), text);
  return loadConfig(folder.file('chimed.yaml'));
}

test('files in conf.d add topics, in the order of their names', () => {
  const config = load({
    '': 'log: { level: debug }\ntopics: { a: { interval: 1s, data: 1 } }',
    '20-c.yml': 'x-own: 1\ntopics: { c: { interval: 1s, data: 1 } }',
    '10-b.yaml': 'topics: { b: { interval: 1s, file: b.txt } }',
    'notes.txt': 'topics: [',
    '.hidden.yaml': 'topics: [',
    'empty.yaml': '',
  });
  expect(config.topics.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  expect(config).toMatchObject({ directory: folder.path, log: { level: 'debug' } });
});

test('the configuration itself may have no topics', () => {
  expect(load({ '': '', 'a.yaml': 'topics: { a: { interval: 1s, data: 1 } }' }).topics).toHaveLength(1);
});

test('a mistake is named with its file and its line', () => {
  const files = {
    '': 'log:\n  level: loud\ntopics: { a: { interval: 1s, data: 1 } }',
    'b.yaml': 'topics:\n  b:\n    interval: 5\n    data: 1\n  a: { interval: 1s, data: 1 }\nlog: {}',
  };
  expect(() => load(files)).toThrow(
    expect.objectContaining({
      message: [
        `${folder.file('chimed.yaml')} has 4 mistakes:`,
        '  chimed.yaml:2 log.level: expected one of debug, info, warn, error, silent, but it is "loud"',
        '  conf.d/b.yaml:6 log: only topics can be set here; move this key to chimed.yaml',
        '  conf.d/b.yaml:5 topics.a: chimed.yaml has a topic of this name too',
        '  conf.d/b.yaml:3 topics.b.interval: expected a duration of at least 10ms, such as 250ms, 1s or 5m, but it is 5',
      ].join('\n'),
    }),
  );
});

test('a pipe is not waited for', () => {
  execFileSync('mkfifo', [folder.file('conf.d/z.yaml')]);
  expect(() => load({ '': '' })).toThrow(/conf\.d\/z\.yaml: it is not a regular file/);
});

test('no topic is lost, whatever its name', () => {
  const text = 'topics: { __proto__: { interval: 1s, data: 1 } }';
  expect(() => load({ '': '', 'b.yaml': text })).toThrow(
    /conf\.d\/b\.yaml:1 topics\.__proto__: this name is reserved/,
  );
});

test.each([
  ['that is no YAML', 'a: *', /conf\.d\/b\.yaml has 1 mistake/],
  ['that is no mapping', '[]', /conf\.d\/b\.yaml has 1 mistake:\n {2}expected a mapping/],
  ['whose topics are none', 'topics: [a]', /conf\.d\/b\.yaml:1 topics: expected a mapping/],
])('a file %s is refused', (_, text, message) => {
  expect(() => load({ '': '', 'b.yaml': text })).toThrow(message);
});
