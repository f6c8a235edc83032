import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { isPattern, isTopic, matches } from '../../src/protocol/names.ts';

const token = fc.stringMatching(/^[a-c_-]{1,2}$/);
const topic = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'));
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant('*')), { minLength: 0, maxLength: 4 }), fc.boolean())
  .filter(([tokens, rest]) => tokens.length > 0 || rest)
  .map(([tokens, rest]) => [...tokens, ...(rest ? ['>'] : [])].join('.'));

/** The same rule, said as a regular expression. */
function reference(text: string): RegExp {
  const tokens = text.split('.').map((part) => (part === '*' ? '[^.]+' : part === '>' ? '.+' : part));
  return new RegExp(`^${tokens.join('\\.')}$`);
}

test('a pattern matches what it should, for any pattern and topic', () => {
  fc.assert(
    fc.property(pattern, topic, (text, name) => {
      expect(isPattern(text)).toBe(true);
      expect(isTopic(name)).toBe(true);
      expect(matches(text, name)).toBe(reference(text).test(name));
    }),
    { numRuns: 2000 },
  );
});

test('a topic matches itself, and every topic matches >', () => {
  fc.assert(
    fc.property(topic, (name) => {
      expect(matches(name, name)).toBe(true);
      expect(matches('>', name)).toBe(true);
    }),
  );
});

describe('names', () => {
  test.each([
    'a',
    'host.load',
    'a-b_c.0',
    'chime',
    'chimed2.x',
    'A',
    'sys.Load',
    'error.rate',
    'x'.repeat(255),
  ])('%s is a topic', (name) => {
    expect(isTopic(name)).toBe(true);
    expect(isPattern(name)).toBe(true);
  });

  test.each(['', '.', 'a.', '.a', 'a..b', 'a b', 'é', 'a\n', 'chimed', 'chimed.x', 'x'.repeat(256)])(
    '%j is neither topic nor pattern',
    (name) => {
      expect(isTopic(name)).toBe(false);
      expect(isPattern(name)).toBe(false);
    },
  );

  test.each(['*', '>', 'a.*', '*.b', 'a.*.c', 'a.>', '*.>'])('%s is a pattern and no topic', (name) => {
    expect(isTopic(name)).toBe(false);
    expect(isPattern(name)).toBe(true);
  });

  test.each(['>.a', 'a.>.b', 'a*', 'a.b>', '**', 'chimed.>', 'chimed.*'])('%s is no pattern', (name) => {
    expect(isPattern(name)).toBe(false);
  });
});
