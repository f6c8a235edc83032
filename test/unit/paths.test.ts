import { chmodSync, mkdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { defaultSocketPath, isForeignDirectory, socketPaths } from '../../src/protocol/paths.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';

const ROOT = 0;
const SOMEBODY = 4242;

/** A test cannot become another user. */
function as(uid: number): void {
  vi.spyOn(process, 'getuid').mockReturnValue(uid);
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

describe('the socket is where the first of these says', () => {
  const all = {
    CHIMED_SOCKET_PATH: '/x/y.sock',
    RUNTIME_DIRECTORY: '/run/a',
    XDG_RUNTIME_DIR: '/run/user/7',
  };
  const { CHIMED_SOCKET_PATH: _, ...noPath } = all;
  const { RUNTIME_DIRECTORY: __, ...noDirectory } = noPath;

  test.each([
    ['$CHIMED_SOCKET_PATH', ROOT, all, '/x/y.sock'],
    ["systemd's $RUNTIME_DIRECTORY", SOMEBODY, noPath, '/run/a/chimed.sock'],
    ["systemd's $RUNTIME_DIRECTORY, for root", ROOT, noPath, '/run/a/chimed.sock'],
    ['the first of several', ROOT, { RUNTIME_DIRECTORY: '/run/a:/run/b' }, '/run/a/chimed.sock'],
    ['/run/chimed, for root', ROOT, noDirectory, '/run/chimed/chimed.sock'],
    ['$XDG_RUNTIME_DIR', SOMEBODY, noDirectory, '/run/user/7/chimed/chimed.sock'],
    ['the temporary directory', SOMEBODY, {}, join(tmpdir(), 'chimed-4242/chimed.sock')],
  ])('%s', (_case, uid, env, path) => {
    as(uid);
    expect(defaultSocketPath(env)).toBe(path);
  });

  test('variables that are empty say nothing', () => {
    as(SOMEBODY);
    const env = { CHIMED_SOCKET_PATH: '', RUNTIME_DIRECTORY: '', XDG_RUNTIME_DIR: '' };
    expect(defaultSocketPath(env)).toBe(defaultSocketPath({}));
  });
});

describe('a client looks for a daemon', () => {
  const temporary = join(tmpdir(), 'chimed-4242/chimed.sock');
  const machine = ['/run/chimed/chimed.sock', '/run/chimed/daemon/chimed.sock'];

  test('at $CHIMED_SOCKET_PATH alone, if that is set', () => {
    as(SOMEBODY);
    expect(socketPaths({ CHIMED_SOCKET_PATH: '/x/y.sock', XDG_RUNTIME_DIR: '/run/user/7' })).toEqual([
      '/x/y.sock',
    ]);
  });

  test("else in all places of this user's daemons, then in those of the machine's", () => {
    as(SOMEBODY);
    const usual = '/run/user/4242/chimed/chimed.sock';
    expect(socketPaths({ XDG_RUNTIME_DIR: '/run/user/7', RUNTIME_DIRECTORY: '/run/mine' })).toEqual([
      '/run/user/7/chimed/chimed.sock',
      usual,
      temporary,
      ...machine,
    ]);
    expect(socketPaths({ XDG_RUNTIME_DIR: '/run/user/4242' })).toEqual([usual, temporary, ...machine]);
    expect(socketPaths({})).toEqual([usual, temporary, ...machine]);
  });

  test("for root in the machine's places alone", () => {
    as(ROOT);
    expect(socketPaths({ XDG_RUNTIME_DIR: '/run/user/7' })).toEqual(machine);
  });

  test('in one of the places where a daemon listens by default', () => {
    for (const uid of [ROOT, SOMEBODY]) {
      as(uid);
      for (const env of [{}, { XDG_RUNTIME_DIR: '/run/user/7' }])
        expect(socketPaths(env)).toContain(defaultSocketPath(env));
    }
  });
});

test("a daemon does not listen in another user's $XDG_RUNTIME_DIR, which su leaves set", () => {
  using folder = temporaryFolder();
  as(SOMEBODY);
  expect(defaultSocketPath({ XDG_RUNTIME_DIR: folder.path })).toBe(join(tmpdir(), 'chimed-4242/chimed.sock'));
});

describe('the directory of ours under the temporary directory', () => {
  let folder: Folder;
  let directory: string;

  beforeEach(() => {
    folder = temporaryFolder();
    vi.stubEnv('TMPDIR', folder.path);
    directory = folder.file(`chimed-${process.getuid!()}`);
    return () => folder[Symbol.dispose]();
  });

  test('is the one that the socket is in', () => {
    as(SOMEBODY);
    expect(defaultSocketPath({})).toBe(folder.file(`chimed-${SOMEBODY}/chimed.sock`));
  });

  test('is no danger while it is ours alone, or yet to be made', () => {
    expect(isForeignDirectory(directory)).toBe(false);
    mkdirSync(directory, { mode: 0o700 });
    expect(isForeignDirectory(directory)).toBe(false);
  });

  test.each([0o755, 0o711, 0o700])('is ours with mode %o, in which nobody else can write', (mode) => {
    mkdirSync(directory);
    chmodSync(directory, mode);
    expect(isForeignDirectory(directory)).toBe(false);
  });

  test.each([0o770, 0o707, 0o722, 0o1777])('is foreign with mode %o', (mode) => {
    mkdirSync(directory);
    chmodSync(directory, mode);
    expect(isForeignDirectory(directory)).toBe(true);
  });

  test('is foreign if somebody else made it', () => {
    const theirs = folder.file(`chimed-${SOMEBODY}`);
    mkdirSync(theirs, { mode: 0o700 });
    as(SOMEBODY);
    expect(isForeignDirectory(theirs)).toBe(true);
  });

  test('is foreign if it is a link or a file', () => {
    symlinkSync(folder.path, directory);
    expect(isForeignDirectory(directory)).toBe(true);
    unlinkSync(directory);
    writeFileSync(directory, '', { mode: 0o600 });
    expect(isForeignDirectory(directory)).toBe(true);
  });

  test('is the only one that is looked at', () => {
    const chosen = folder.file('chosen');
    mkdirSync(chosen);
    chmodSync(chosen, 0o777);
    expect(isForeignDirectory(chosen)).toBe(false);
  });
});
