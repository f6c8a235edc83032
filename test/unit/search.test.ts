import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { dirname } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { dialFirst } from '../../src/client/search.ts';
import type { ChimedError } from '../../src/errors.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';

let folder: Folder;
let daemon: Server;

beforeEach(async () => {
  folder = temporaryFolder();
  daemon = createServer((socket) => socket.on('error', () => {})).listen(folder.file('live'));
  await once(daemon, 'listening');
  return async () => {
    daemon.close();
    folder[Symbol.dispose]();
  };
});

afterEach(() => vi.unstubAllEnvs());

/** Where it connects, or the error. */
function search(paths: string[]): Promise<string | ChimedError> {
  const { promise, resolve } = Promise.withResolvers<string | ChimedError>();
  const found = dialFirst(paths, {
    connected: () => resolve(found.path),
    frame() {},
    drained() {},
    ended: resolve,
  });
  return promise.finally(() => found.hangUp());
}

/** A socket whose program was killed. */
function staleSocket(): string {
  const path = folder.file('stale');
  const bind = 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])';
  const { status } = spawnSync('python3', ['-I', '-c', bind, path]);
  expect(status).toBe(0);
  return path;
}

/** The directory under the temporary one that belongs to this user by its name, but that others can write to. */
function foreignSocket(): string {
  vi.stubEnv('TMPDIR', folder.path);
  const path = folder.file(`chimed-${process.getuid!()}/chimed.sock`);
  mkdirSync(dirname(path));
  chmodSync(dirname(path), 0o777);
  return path;
}

describe('a daemon is found behind', () => {
  test.each<[string, () => string]>([
    ['a place where nothing is', () => folder.file('none')],
    ['a directory that is not there', () => folder.file('no/such/s')],
    ['a directory that is a file', () => (writeFileSync(folder.file('file'), ''), folder.file('file/s'))],
    ['a file', () => (writeFileSync(folder.file('file'), ''), folder.file('file'))],
    ['a path that is too long', () => folder.file('x'.repeat(200))],
    ['a stale socket', staleSocket],
    ['a directory that others can write to', foreignSocket],
  ])('%s', async (_, place) => {
    expect(await search([place(), folder.file('live')])).toBe(folder.file('live'));
  });
});

test('a socket in a directory that others can write to is not even called', async () => {
  const path = foreignSocket();
  const trap = createServer().listen(path);
  await once(trap, 'listening');
  let calls = 0;
  trap.on('connection', () => calls++);
  expect(await search([path, folder.file('live')])).toBe(folder.file('live'));
  expect(await search([path])).toMatchObject({
    code: 'not-permitted',
    message: expect.stringContaining('not safe'),
  });
  expect(calls).toBe(0);
  trap.close();
});

test('if no daemon is found, one sentence says what was tried and what each place said', async () => {
  const [stale, foreign, none] = [staleSocket(), foreignSocket(), folder.file('none')];
  expect(await search([stale, foreign, none])).toMatchObject({
    code: 'no-daemon',
    message: `no daemon found, tried ${stale} (no program listens), ${foreign} (directory of another user, or open to others), ${none} (no such file); is chimed running?`,
  });
});

test('a single place says what it always said', async () => {
  const none = folder.file('none');
  expect(await search([none])).toMatchObject({
    code: 'no-daemon',
    message: `no daemon: there is no socket at ${none}; is chimed running?`,
  });
});

test('nothing is heard of a search that was hung up', async () => {
  const ended = vi.fn<() => void>();
  const found = dialFirst([foreignSocket()], { connected: ended, frame: ended, drained: ended, ended });
  found.hangUp();
  await search([folder.file('live')]);
  expect(ended).not.toHaveBeenCalled();
});
