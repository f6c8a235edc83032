import { load } from 'js-yaml';
import { describe, expect, test } from 'vitest';

import { KeyLines } from '../../src/config/key-lines.ts';
import { parseYaml } from '../../src/yaml.ts';

describe('a text is parsed', () => {
  test.each([
    ['of a document', 'a: [1, 08, yes, 1e3, ~]', { a: [1, 8, 'yes', 1000, null] }],
    ['with aliases', 'a: &a {x: 1}\nb: [*a, *a]', { a: { x: 1 }, b: [{ x: 1 }, { x: 1 }] }],
    ['of nothing', '', null],
    ['of a comment', '# nothing', null],
  ])('%s', (_, text, value) => {
    expect(parseYaml(text)).toEqual(value);
  });

  test('of many values', () => {
    expect(parseYaml(`[${'1,'.repeat(1e5)}]`)).toHaveLength(1e5);
  });
});

describe('a text is refused', () => {
  test('of several documents', () => {
    expect(() => parseYaml('a: 1\n---\nb: 2')).toThrow('expected one document, but there are 2');
  });

  test('whose keys are there twice, with the line', () => {
    expect(() => parseYaml('a: 1\nb: 1\na: 2')).toThrow(
      expect.objectContaining({
        message: 'line 3: not valid YAML: duplicated mapping key',
        reason: 'not valid YAML: duplicated mapping key',
        line: 3,
      }),
    );
  });

  test('whose aliases grow without bound: ten lines that stand for a billion values', () => {
    const lines = [...'abcdefghi'].map((name, index, names) => {
      return `${name}: &${name} [${`*${names[index - 1]},`.repeat(10)}]`;
    });
    const text = ['a: &a [1,1,1,1,1,1,1,1,1,1]', ...lines.slice(1)].join('\n');
    expect(load(text)).toHaveProperty('i');
    expect(() => parseYaml(text)).toThrow('aliases');
  });

  test('whose aliases lead to themselves', () => {
    const text = 'a: &a\n  b: *a';
    expect(() => JSON.stringify(load(text))).toThrow('circular');
    expect(() => parseYaml(text)).toThrow('aliases');
  });
});

test.each([
  ['a', 2],
  ['a.b', 3],
  ['a.c d', 5],
  ['a.c d.e', 6],
  ['a.f.g', 7],
  ['last', 10],
  ['a.none', 2],
  ['list.0', 8],
  ['alias.b', 9],
  ['none', undefined],
])('the line of %s is %s', (path, line) => {
  const text = [
    '# a comment',
    'a: &a',
    '  b: {x: [1, {y: 2}], c: 1}',
    '',
    '  "c d": !!map',
    '    e: "1"',
    '  f: {g: 1}',
    'list: [b: 1]',
    'alias: *a',
    'last: 1',
  ].join('\n');
  expect(new KeyLines(text).of(path.split('.'))).toBe(line);
});
