import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';

import { newState, saveState, takeState } from '../../src/daemon/state.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { Logbook } from '../helpers/logbook.ts';
import { root } from '../helpers/program.ts';

const state = {
  instance: 'f00d',
  topics: {
    'host.load': { seq: 57, messages: [{ seq: 57, time: 1795450476742, data: { a: ['é\f', null] } }] },
  },
};

let folder: Folder;
let file: string;
let logger: Logbook;

beforeEach(() => {
  folder = temporaryFolder();
  file = folder.file('state.json');
  logger = new Logbook();
  return () => folder[Symbol.dispose]();
});

test('each state is a numbering of its own', () => {
  expect(newState()).toEqual({ instance: expect.stringMatching(/^[0-9a-f]{16}$/), topics: {} });
  expect(newState().instance).not.toBe(newState().instance);
});

describe('what was saved', () => {
  test('is taken as it was', () => {
    saveState(file, state);
    expect(takeState(file, logger)).toEqual(state);
    expect(logger.lines).toEqual([]);
  });

  test('is taken only once, so that a daemon that crashes is followed by a new numbering', () => {
    saveState(file, state);
    takeState(file, logger);
    expect(existsSync(file)).toBe(false);
    expect(takeState(file, logger).instance).not.toBe(state.instance);
  });

  test('replaces what was there, is for its owner alone, and leaves nothing beside it', () => {
    saveState(file, { ...state, instance: 'older' });
    saveState(file, state);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path)).toEqual(['state.json']);
    expect(takeState(file, logger)).toEqual(state);
  });
});

describe('a new numbering begins', () => {
  const isNew = { instance: expect.stringMatching(/^[0-9a-f]{16}$/), topics: {} };

  test('without a word if no file is named, it is not there, or nothing is in it', () => {
    expect(takeState(undefined, logger)).toEqual(isNew);
    expect(takeState(file, logger)).toEqual(isNew);
    writeFileSync(file, '');
    expect(takeState(file, logger)).toEqual(isNew);
    expect(logger.lines).toEqual([]);
  });

  test.each([
    ['a few letters of a state', '{"ver'],
    ['half a state', '{"version":1,"inst'],
    ['all but the end', '{"version":1,"instance":"a","topics":{}'],
    ['another version', '{"version":2,"instance":"a","topics":{}}'],
    ['no topics', '{"version":1,"instance":"a"}'],
    ['a broken numbering', '{"version":1,"instance":"a","topics":{"t":{}}}'],
  ])('and a line says why and where it is now if the file has %s', (_, text) => {
    writeFileSync(file, text);
    expect(takeState(file, logger)).toEqual(isNew);
    expect(logger.lines).toMatchObject([{ level: 'warn', file, error: expect.any(String) }]);
    expect(readFileSync(logger.lines[0]!['movedTo'] as string, 'utf8')).toBe(text);
    expect(existsSync(file)).toBe(false);
  });

  test("and what is moved aside takes no other one's place", () => {
    for (const text of ['{"version":1,', '{"version":1,"inst']) {
      writeFileSync(file, text);
      takeState(file, logger);
    }
    expect(readdirSync(folder.path)).toHaveLength(2);
  });
});

describe("a file that is no state of chimed's is neither taken nor replaced:", () => {
  const refusal = expect.objectContaining({
    code: 'bad-config',
    message: expect.stringMatching(/^state\.file: \/.*; name another file, or move this one away$/),
  });

  test.each([
    ['null', 'null'],
    ['an array', '[]'],
    ['no version', '{}'],
    ['its own version', '{"version":1,"packages":{}}'],
    ['no instance', '{"version":1,"instance":5,"topics":{}}'],
    ['text', 'precious\n'],
    ['bytes', '\u007fELF\u0000'],
  ])('one with %s', (_, text) => {
    writeFileSync(file, text);
    expect(() => takeState(file, logger)).toThrow(refusal);
    expect(() => saveState(file, state)).toThrow(refusal);
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(readdirSync(folder.path)).toEqual(['state.json']);
  });

  test.each([
    ['a directory', () => mkdirSync(file)],
    ['a device', () => symlinkSync('/dev/null', file)],
    ['a pipe that nobody writes to', () => execFileSync('mkfifo', [file])],
  ])('%s', (_, make) => {
    make();
    expect(() => takeState(file, logger)).toThrow(refusal);
    expect(() => saveState(file, state)).toThrow(refusal);
    expect(readdirSync(folder.path)).toEqual(['state.json']);
  });
});

describe('a state that cannot be saved', () => {
  test('leaves the one that was there, on a disk that is full', () => {
    saveState(file, state);
    symlinkSync('/dev/full', `${file}.new`);
    expect(() => saveState(file, { ...state, instance: 'newer' })).toThrow('ENOSPC');
    expect(takeState(file, logger)).toEqual(state);
  });

  test('in full is not saved in part', () => {
    // A limit on the size of files stands for the last few bytes of a disk: the write is cut short.
    const script = `
      import { saveState } from ${JSON.stringify(join(root, 'src/daemon/state.ts'))};
      const messages = [{ seq: 1, time: 0, data: 'x'.repeat(100_000) }];
      saveState(${JSON.stringify(file)}, { instance: 'cut short', topics: { t: { seq: 1, messages } } });`;
    saveState(file, state);
    const limited = 'ulimit -f 8 && exec "$0" --input-type=module --eval "$1"';
    const { status } = spawnSync('/bin/sh', ['-c', limited, process.execPath, script]);
    expect(status).not.toBe(0);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject(state);
  });

  test('says so if its directory is not there', () => {
    expect(() => saveState(folder.file('nowhere/state.json'), state)).toThrow('ENOENT');
  });
});
