import { describe, expect, test } from 'vitest';

import { parseWildcard } from '../../src/sources/files/wildcard.ts';

describe('a wildcard', () => {
  test.each([
    ['*.json', ['a.json', 'a.b.json', 'é👍.json', 'a\n.json'], ['a.jso', 'a.jsonx', '.a.json', 'ajson']],
    ['*', ['a', '-', 'a b', '['], ['.a', '..']],
    ['.*', ['.a', '.a.b'], ['a']],
    ['a?c', ['abc', 'a.c', 'a👍c'], ['ac', 'abbc', 'xabc']],
    ['?x', ['ax'], ['.x', 'x']],
    ['a*b*c', ['abc', 'aXbYc', 'abbcc', 'abcbc'], ['acb', 'ab', 'abcd', 'xabc']],
    ['a*b*b', ['abb', 'abxb'], ['ab', 'abc']],
    ['a**b', ['ab', 'axb'], ['abx']],
    ['a*a', ['aa', 'aba'], ['a']],
    ['*+(x)^$|\\-.*', ['1+(x)^$|\\-.2'], ['xx', '1+(x)^$|\\--2']],
  ])('%j', (pattern, matching, others) => {
    const matches = parseWildcard(pattern);
    for (const name of matching) expect([name, matches(name)]).toEqual([name, true]);
    for (const name of others) expect([name, matches(name)]).toEqual([name, false]);
  });

  test('takes no longer for names that are made to be hard to match', () => {
    const matches = parseWildcard('*a*a*a*a*a*a*a*a*a*b');
    const begun = performance.now();
    for (let index = 0; index < 1000; index++) expect(matches('a'.repeat(255))).toBe(false);
    expect(performance.now() - begun).toBeLessThan(5000); // With backtracking: a million years.
  });
});
