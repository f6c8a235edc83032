import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';
import { expect, test } from 'vitest';

import {
  VENDORED,
  buildLibrary,
  buildPage,
  buildPrograms,
  buildTesting,
  manifestOf,
  packagesIn,
} from '../../tools/bundles.ts';
import { bill, billWithNode, printed } from '../../tools/sbom.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { root } from '../helpers/program.ts';

interface Locked {
  version?: string;
  name?: string;
  integrity?: string;
  dev?: boolean;
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

test('the bill of materials lists every package that a bundle contains, and that npm audit sees', async () => {
  const bundles = await Promise.all(
    [buildPrograms, buildLibrary, buildTesting, buildPage].map((build) => built(build)),
  );
  const bundled = packagesIn(bundles).map((path) => {
    const { name, version } = manifestOf(path);
    return `${name}@${version}`;
  });
  expect(bundled).toEqual(expect.arrayContaining(['node-ipc@14.0.0', 'uplot@1.6.32']));
  const { components } = bill();
  const ids = components.map((component) => component['bom-ref']);
  expect(ids).toEqual(expect.arrayContaining([...bundled, 'koffi@3.3.4']));
  const forUse = locked
    .filter(([path, { dev }]) => !dev || VENDORED.includes(path))
    .map(([path, entry]) => nameOf(path, entry));
  expect(components.map(({ name }) => name).toSorted()).toEqual(forUse.toSorted());
});

test('the bill of materials is the same each time, and names neither a machine nor a time', () => {
  const text = printed(bill());
  expect(printed(bill())).toBe(text);
  expect(text).not.toMatch(/serialNumber|timestamp|registry/);
  expect(text).not.toContain(root);
  expect(bill().metadata.component).toMatchObject({ name: 'chimed', purl: 'pkg:npm/chimed@0.1.0' });
});

test('the bill of an installation that brings its Node lists it, and the native parts of its kind of machine alone', () => {
  const whole = billWithNode('24.21.0', 'arm64');
  const names = whole.components.map(({ name }) => name);
  expect(names.filter((name) => name.startsWith('@koromix/'))).toEqual(['@koromix/koffi-linux-arm64']);
  expect(whole.components.at(-1)).toMatchObject({ name: 'node', version: '24.21.0' });
  const ids = new Set(
    [whole.metadata.component, ...whole.components].map((component) => component['bom-ref']),
  );
  for (const { ref, dependsOn } of whole.dependencies) {
    expect(ids, 'each reference leads to a component').toContain(ref);
    for (const other of dependsOn) expect(ids).toContain(other);
  }
  expect(whole.dependencies.find(({ ref }) => ref === 'chimed@0.1.0')?.dependsOn).toContain('node@24.21.0');
  expect(() => billWithNode('24.21.0', 'vax')).toThrow('koffi-linux-vax');
});

/** Builds into a folder that is thrown away. */
async function built(build: (dist: string) => Promise<Metafile>): Promise<Metafile> {
  using folder = temporaryFolder();
  return await build(folder.path);
}
