import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { messageId, messageIds } from '../../src/cli/message-ids.ts';
import { root } from '../helpers/program.ts';

/** What the daemon logs: the texts that stand in a call of a logger's, or are handed to `loadIfSupported`. */
function loggedTexts(): string[] {
  const files = globSync(join(root, 'src/{cli,daemon,linux,transport}/**/*.ts'));
  return files.flatMap((file) => {
    const source = readFileSync(file, 'utf8');
    const calls = source.matchAll(/(?:logger|log)\.(?:info|warn|error)\(([^;]*);/g);
    const parts = source.matchAll(/loadIfSupported\(([^;]*);/g);
    return [...calls, ...parts].flatMap(([, args = '']) =>
      [...args.matchAll(/['`]([^'`]{4,})['`]/g)].map(([, text]) => text!),
    );
  });
}

test('every line that the daemon logs has an id of its own', () => {
  const texts = loggedTexts().filter((text) => text.includes(' ') && !text.startsWith('..'));
  expect(texts.length).toBeGreaterThan(25); // or the search above finds nothing any more
  expect(texts.filter((text) => messageId(text) === undefined)).toEqual([]);
});

test('ids are 128 random bits, and no two are the same', () => {
  const ids = Object.values(messageIds);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
});

test('what a line is about comes before its first colon', () => {
  expect(messageId('rejected: the frame "x" is not JSON')).toBe(messageIds['rejected']);
  expect(messageId("what a module's source says")).toBeUndefined();
  expect(messageId('constructor')).toBeUndefined();
});
