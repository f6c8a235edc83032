import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';

import { fileDoubts } from '../../src/cli/file-doubts.ts';
import { loadConfig } from '../../src/config/load.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';

let folder: Folder;

beforeEach(() => {
  folder = temporaryFolder();
  return () => folder[Symbol.dispose]();
});

/** What is doubted of a topic of this file, which may be watched. */
function doubts(file: string, watch = false): string[] {
  const topics = { t: { file, watch, interval: '1s' } };
  writeFileSync(folder.file('c.yaml'), JSON.stringify({ topics }));
  return fileDoubts(loadConfig(folder.file('c.yaml'), {}));
}

test.each([false, true])('doubts a file that is a directory, watched: %j', (watch) => {
  mkdirSync(folder.file('d'));
  symlinkSync('d', folder.file('link'));
  for (const file of ['d', 'link'])
    expect(doubts(file, watch)).toEqual([
      `t: ${file} is a directory, not a file; to read the files in it, use files: ${file}/*`,
    ]);
});

test('doubts wildcards, unless a file has that name', () => {
  expect(doubts('*.conf')).toEqual([
    't: there is no file *.conf, and file has no wildcards; use files: *.conf',
  ]);
  writeFileSync(folder.file('*.conf'), '');
  expect(doubts('*.conf')).toEqual([]);
});

test('does not doubt a file that may come, or what only another file system knows', () => {
  expect(doubts('none')).toEqual([]);
  expect(doubts('/proc')).toEqual([]); // A file system that is not asked.
  expect(doubts('/proc/*.conf')).toEqual([]);
});
