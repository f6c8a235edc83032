import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { root } from '../helpers/program.ts';

interface Locked {
  version?: string;
  name?: string;
  integrity?: string;
  resolved?: string;
}

const read = (file: string): unknown => JSON.parse(readFileSync(join(root, file), 'utf8'));
const manifest = read('package.json') as Record<'dependencies' | 'devDependencies', Record<string, string>>;
const { packages } = read('package-lock.json') as { packages: Record<string, Locked> };
const locked = Object.entries(packages).filter(([path]) => path !== '');
const nameOf = (path: string, { name }: Locked): string => name ?? path.split('node_modules/').at(-1)!;

/** Releases that carried protestware or a credential stealer, or that the registry never had. */
const HOSTILE = /^(9\.1\.6|9\.2\.2|9\.2\.3|10\.1\.[123]|11\..*|12\.0\.1|13\..*)$/;

test('node-ipc is the release that was read, to the byte', () => {
  expect(manifest.dependencies['node-ipc']).toBe('14.0.0');
  expect(packages['node_modules/node-ipc']).toMatchObject({
    version: '14.0.0',
    integrity:
      'sha512-d5+aogND4Gk6aQkW5KCibliM4Mn12+isHXt8wFghO4Bn0gBSnev3TXJWQ4eEnzrlh5gCG+nwQEZwyayeDtQxQA==',
  });
});

test('no hostile release of node-ipc is installed under any name', () => {
  const releases = locked
    .filter(([path, entry]) => nameOf(path, entry) === 'node-ipc')
    .map(([, { version }]) => version!);
  expect(releases.toSorted()).toEqual(['10.1.0', '14.0.0']);
  expect(releases.filter((release) => HOSTILE.test(release))).toEqual([]);
  expect('10.1.1', 'the list knows them').toMatch(HOSTILE);
});

test('none of the packages that these releases brought is installed', () => {
  const names = locked.map(([path, entry]) => nameOf(path, entry));
  expect(names.filter((name) => ['peacenotwar', 'oneday-test'].includes(name))).toEqual([]);
});

test('every dependency is pinned to one version, and locked to its bytes', () => {
  for (const version of Object.values({ ...manifest.dependencies, ...manifest.devDependencies })) {
    expect(version).toMatch(/^(npm:node-ipc@)?\d+\.\d+\.\d+$/);
  }
  for (const [path, { integrity }] of locked) expect(integrity, path).toMatch(/^sha512-/);
});

test('the lockfile names no registry', () => {
  expect(locked.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
});
