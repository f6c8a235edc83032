import { basename, dirname } from 'node:path';

import { messageOf } from '../errors.ts';
import { parseWildcard } from '../sources/files/wildcard.ts';
import { isText, kindOf } from './format.ts';
import type { Format } from './format.ts';

/** A path that does not begin with a home directory. */
const path = {
  expected: 'a path; a ~ is not expanded',
  check: (value: unknown): boolean => isText(value) && !/^~[^/]*(\/|$)/.test(value),
  shape: { type: 'string', minLength: 1, pattern: '^(?!~[^/]*(/|$))' },
};

/** Names of files. */
export const fileFormats = {
  path,
  'file-pattern': {
    expected: 'a path with wildcards in its last part, such as /var/spool/x/*.json',
    check: (value) => patternFault(value) === undefined,
    fault: (value) => patternFault(value)!,
    shape: { ...path.shape, pattern: '^(?!~[^/]*(/|$)).*[*?][^/]*$' },
  },
} satisfies Record<string, Format>;

function patternFault(value: unknown): string | undefined {
  if (!isText(value)) return `it is ${kindOf(value)}`;
  if (!path.check(value)) return 'a ~ is not expanded';
  if (/[*?]/.test(dirname(value))) return 'another part has a wildcard';
  try {
    parseWildcard(basename(value));
  } catch (error) {
    return messageOf(error);
  }
  return undefined;
}
