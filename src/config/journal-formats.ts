import { priorities } from '../sources/journal/journal-entry.ts';
import { didYouMean, unknownKey } from './did-you-mean.ts';
import { isMapping, isText, plainFault, shown } from './format.ts';
import type { Format } from './format.ts';

/** Most values of one key: each makes journalctl slower. */
const MOST_VALUES = 64;
const UNIT = /^[\w:.@\\-]{1,255}$/;
const FIELD = /^(?!__)[A-Z_][A-Z0-9_]{0,63}$/;
const MATCH = /^[A-Z_][A-Z0-9_]{0,63}=[^\0\n]*$/;
const PRIORITY = new RegExp(`^(?:${priorities.join('|')}|[0-7])$`);

const isPriority = (value: unknown): boolean =>
  value === undefined ? false : PRIORITY.test(String(value)) && ['string', 'number'].includes(typeof value);
const isUnit = (value: unknown): boolean => typeof value === 'string' && UNIT.test(value);
const isIdentifier = (value: unknown): boolean => isText(value) && !value.includes('\n');

interface SelectorKey {
  check: (value: unknown) => boolean;
  expected: string;
  /** Says what may have been meant. */
  hint?: (value: unknown) => string | undefined;
  shape: object;
}

/** What each key selects by, and what is expected of it. */
const keys: Record<string, SelectorKey> = {
  unit: {
    check: isOneOrMore(isUnit),
    expected: 'the name of a unit without wildcards, such as nginx, or a list of names',
    shape: oneOrMore({ type: 'string', pattern: UNIT.source }),
  },
  identifier: {
    check: isOneOrMore(isIdentifier),
    expected: 'a syslog identifier such as sshd, or a list of these',
    shape: oneOrMore({ type: 'string', minLength: 1 }),
  },
  priority: {
    check: (value) =>
      isPriority(value) ||
      (isText(value) && value.split('..').length === 2 && value.split('..').every(isPriority)),
    expected: `one of ${priorities.join(', ')}, for that and all more urgent ones, or a range such as err..warning`,
    hint: (value) => (typeof value === 'string' ? didYouMean(value, priorities) : undefined),
    shape: { type: ['string', 'integer'] },
  },
  match: {
    check: isOneOrMore((value) => typeof value === 'string' && MATCH.test(value)),
    expected: 'FIELD=value such as _TRANSPORT=kernel, or a list of these',
    shape: oneOrMore({ type: 'string', pattern: MATCH.source }),
  },
  fields: {
    check: isOneOrMore((value) => typeof value === 'string' && FIELD.test(value)),
    expected: 'the name of a field such as _HOSTNAME, or a list of these',
    shape: oneOrMore({ type: 'string', pattern: FIELD.source }),
  },
  directory: { check: isText, expected: 'a path', shape: { type: 'string', minLength: 1 } },
};

/** The keys of `journal`. */
export const journalKeys = Object.keys(keys);

/** Formats of the key `journal`. */
export const journalFormats = {
  journal: {
    expected: 'what selects entries, such as {unit: nginx, priority: warning}',
    check: (value) => journalFault(value) === undefined,
    mistake: (value) => journalFault(value)!,
    shape: {
      type: 'object',
      properties: Object.fromEntries(Object.entries(keys).map(([key, { shape }]) => [key, shape])),
      additionalProperties: false,
    },
  },
} satisfies Record<string, Format>;

function journalFault(value: unknown): string | undefined {
  if (!isMapping(value)) return `expected ${journalFormats.journal.expected}, but ${plainFault(value)}`;
  for (const [key, one] of Object.entries(value)) {
    const known = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (!known) return `${key} is an ${unknownKey(key, journalKeys)}`;
    if (!known.check(one))
      return `${key} is ${shown(one)}; ${known.hint?.(one) ?? `expected ${known.expected}`}`;
  }
  return undefined;
}

function isOneOrMore(check: (value: unknown) => boolean): (value: unknown) => boolean {
  return (value) => {
    if (!Array.isArray(value)) return check(value);
    return value.length > 0 && value.length <= MOST_VALUES && value.every(check);
  };
}

function oneOrMore(shape: object): object {
  return { oneOf: [shape, { type: 'array', items: shape, minItems: 1, maxItems: MOST_VALUES }] };
}
