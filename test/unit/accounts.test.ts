import { readFileSync, writeFileSync } from 'node:fs';
import { beforeEach, expect, test, vi } from 'vitest';

import { loadConfig } from '../../src/config/load.ts';
import { lookUpGroups, lookUpUsers } from '../../src/linux/accounts.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';

let folder: Folder;

beforeEach(() => {
  folder = temporaryFolder();
  return () => {
    vi.unstubAllEnvs();
    folder[Symbol.dispose]();
  };
});

/** Puts a `getent` of ours before the system's, and has it note what it is asked. */
function getent(script: string): void {
  writeFileSync(folder.file('getent'), `#!/bin/sh\necho "$*" >> '${folder.file('asked')}'\n${script}\n`, {
    mode: 0o755,
  });
  vi.stubEnv('PATH', `${folder.path}:${process.env['PATH']}`);
}

test('those who are there have their ids, and numbers are their own', () => {
  expect(lookUpUsers(['root', '42'])('root')).toBe(0);
  expect(lookUpUsers([])('42')).toBe(42);
  expect(lookUpGroups(['root', 'nosuch'])('root')).toBe(0);
  expect(() => lookUpGroups(['root', 'nosuch'])('nosuch')).toThrow(
    'there is no group nosuch on this machine',
  );
});

test('an entry may spell its name in another way', () => {
  getent('echo alice:x:1000:::; echo bob:x:1001:::');
  const idOf = lookUpUsers(['Alice', 'bob', 'Alice']);
  expect([idOf('Alice'), idOf('bob')]).toEqual([1000, 1001]);
});

test('a directory that does not answer is said', () => {
  getent('exit 7');
  expect(() => lookUpUsers(['alice'])('alice')).toThrow(
    'the user alice cannot be looked up with getent: it exited with 7',
  );
});

test('a configuration asks once for all users and once for all groups, however often they are named', () => {
  getent('shift; for name; do echo "$name:x:7:"; done');
  const access = { subscribe: ['alice', 'bob', '@ops', '5'], publish: ['bob', '@ops'] };
  const topics = { a: { publish: true, access }, b: { publish: true, access } };
  writeFileSync(folder.file('chimed.yaml'), JSON.stringify({ socket: { group: 'chimed' }, topics }));
  loadConfig(folder.file('chimed.yaml'), {});
  expect(readFileSync(folder.file('asked'), 'utf8')).toBe('passwd alice bob\ngroup ops chimed\n');
});
