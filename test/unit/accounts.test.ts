import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { beforeEach, expect, test, vi } from 'vitest';

import { loadConfig } from '../../src/config/load.ts';
import { lookUpGroups, lookUpUsers } from '../../src/linux/accounts.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';

let folder: Folder;
/** A getent of ours in the place of the system's. */
let standIn: string | undefined;

vi.mock(import('../../src/linux/programs.ts'), async (original) => {
  const { systemProgram, ...others } = await original();
  return { ...others, systemProgram: (name) => standIn ?? systemProgram(name) };
});

beforeEach(() => {
  folder = temporaryFolder();
  return () => {
    standIn = undefined;
    folder[Symbol.dispose]();
  };
});

/** Puts a `getent` of ours in the place of the system's, and has it note what it is asked. */
function getent(script: string): void {
  writeFileSync(folder.file('getent'), `#!/bin/sh\necho "$*" >> '${folder.file('asked')}'\n${script}\n`, {
    mode: 0o755,
  });
  standIn = folder.file('getent');
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
  expect(readFileSync(folder.file('asked'), 'utf8')).toBe('passwd -- alice bob\ngroup -- ops chimed\n');
});

test.each(['-sx/evil', '--service=files', '-V', 'ro\0ot', 'a:b', 'a\nb', ''])(
  'a name that cannot be one is refused, and never given to getent: %j',
  (name) => {
    getent('exit 2');
    expect(() => lookUpGroups([name, 'ops'])(name)).toThrow(
      `${JSON.stringify(name)} cannot be the name of a group`,
    );
    expect(readFileSync(folder.file('asked'), 'utf8')).toBe('group -- ops\n');
  },
);

test('getent is the one of the system, whatever the PATH, and inherits no environment', () => {
  writeFileSync(folder.file('getent'), '#!/bin/sh\necho root:x:4711:', { mode: 0o755 });
  vi.stubEnv('PATH', folder.path);
  // glibc would print the resolution of symbols to this file.
  vi.stubEnv('LD_DEBUG', 'files');
  vi.stubEnv('LD_DEBUG_OUTPUT', folder.file('loaded'));
  try {
    expect(lookUpUsers(['root'])('root')).toBe(0);
    expect(readdirSync(folder.path)).toEqual(['getent']);
  } finally {
    vi.unstubAllEnvs();
  }
});
