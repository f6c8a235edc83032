import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { ARCHITECTURES } from '../../tools/deb/needs.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { root } from '../helpers/program.ts';
import { saw } from '../system/seen.ts';
import { debOf, version } from './packages.ts';

const MAX_MB = 40;
const folder = temporaryFolder();
const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 26 });

afterAll(() => folder[Symbol.dispose]());

describe.each(ARCHITECTURES)('the package for $name', ({ name, cpu }) => {
  const deb = debOf(name);
  const tree = folder.file(name);

  beforeAll(() => {
    run('dpkg-deb', '--raw-extract', deb, tree);
  });

  test(`has at most ${MAX_MB} MB`, () => {
    const megabytes = statSync(deb).size / 1e6;
    expect(megabytes).toBeLessThanOrEqual(MAX_MB);
    const installed = (Number(run('dpkg-deb', '--field', deb, 'Installed-Size')) * 1024) / 1e6;
    saw(
      `size of the package for ${name}`,
      `${megabytes.toFixed(1)} MB, installed ${installed.toFixed(0)} MB`,
    );
  });

  test('is for one machine, with its Node and its koffi alone', () => {
    expect(run('dpkg-deb', '--field', deb, 'Package', 'Version', 'Architecture')).toBe(
      `Package: chimed\nVersion: ${version}\nArchitecture: ${name}\n`,
    );
    const files = run('find', tree, '-type', 'f').split('\n');
    const programs = files.filter(
      (file) => file !== '' && readFileSync(file).subarray(1, 4).equals(Buffer.from('ELF')),
    );
    expect(programs.map((file) => file.replace(/^.*\//, '')).toSorted()).toEqual(['koffi.node', 'node']);
    const machines = new Set(
      programs.map((file) => /Machine: +(.*)/.exec(run('readelf', '--file-header', file))![1]),
    );
    expect(machines.size).toBe(1);
  });

  test('asks for libraries as new as its programs need', () => {
    const depends = run('dpkg-deb', '--field', deb, 'Depends');
    const versions = ['usr/lib/chimed/bin/node', run('find', tree, '-name', 'koffi.node').trim()]
      .map((file) => run('readelf', '--version-info', '--wide', join(file.startsWith('/') ? '' : tree, file)))
      .join('');
    const newest = (prefix: string): string =>
      [...versions.matchAll(new RegExp(`Name: ${prefix}_([\\d.]+)`, 'g'))]
        .map(([, found]) => found!)
        .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
        .at(-1)!;
    expect(depends).toContain(`libc6 (>= ${newest('GLIBC')})`);
    // The libstdc++ of GCC 9 has GLIBCXX_3.4.26 and CXXABI_1.3.12.
    expect(Number(newest('GLIBCXX').split('.').at(-1))).toBeLessThanOrEqual(26);
    expect(Number(newest('CXXABI').split('.').at(-1))).toBeLessThanOrEqual(12);
    expect(depends).toContain('libstdc++6 (>= 9)');
  });

  test('lists its Node among its materials, and koffi for its machine alone', () => {
    const bill = readFileSync(join(tree, 'usr/lib/chimed/dist/sbom.cdx.json'), 'utf8');
    const { components } = JSON.parse(bill) as { components: { name: string; version: string }[] };
    expect(components.find((component) => component.name === 'node')?.version).toBe(process.version.slice(1));
    expect(
      components.map((component) => component.name).filter((each) => each.startsWith('@koromix/')),
    ).toEqual([`@koromix/koffi-linux-${cpu}`]);
  });

  test('has maintainer scripts of debhelper alone', () => {
    for (const script of ['postinst', 'prerm', 'postrm']) {
      const text = readFileSync(join(tree, 'DEBIAN', script), 'utf8');
      const byHand = text.replace(
        /^# Automatically added by dh_[^]*?^# End automatically added section\n/gm,
        '',
      );
      expect(byHand).toBe('#!/bin/sh\nset -e\n');
    }
  });

  test.skipIf(spawnSync('lintian', ['--version']).status !== 0)('passes lintian', () => {
    const options = ['--fail-on', 'error,warning', '--allow-root', '--tag-display-limit', '0'];
    const { status, stdout, stderr } = spawnSync('lintian', [...options, deb], { encoding: 'utf8' });
    expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: '' });
    saw(`lintian, for ${name}`, 'no errors, no warnings');
  });
});

test('two builds in different directories are the same to the byte', () => {
  const copy = folder.file('elsewhere/chimed');
  const list = run('git', '-C', root, 'ls-files', '--cached', '--others', '--exclude-standard').split('\n');
  mkdirSync(copy, { recursive: true });
  // By cp(1): links of fixtures lead nowhere.
  const files = list.filter(Boolean);
  execFileSync('cp', ['--archive', '--parents', '--target-directory', copy, ...files], { cwd: root });
  const source = join(root, 'node_modules');
  const linked = spawnSync('cp', ['--archive', '--link', source, copy]).status === 0;
  if (!linked) run('cp', '--archive', '--force', source, copy); // On another file system.
  const { name } = ARCHITECTURES.find(({ cpu }) => cpu === process.arch)!;
  const first = readFileSync(debOf(name));
  // The time in the first header of the archive (ar(5)): there may have been a commit since.
  const env = { ...process.env, SOURCE_DATE_EPOCH: first.toString('latin1', 24, 36).trim() };
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: copy, env });
  execFileSync(process.execPath, ['tools/deb.ts', '--out', folder.file('again'), name], { cwd: copy, env });
  const again = join(folder.file('again'), `chimed_${version}_${name}.deb`);
  expect(readFileSync(again).equals(first)).toBe(true);
  saw(`two builds for ${name}`, 'the same bytes');
});

test.each([
  [['sparc'], {}, 'no package for the architecture sparc; choose from amd64, arm64'],
  [[], { SOURCE_DATE_EPOCH: 'now' }, 'SOURCE_DATE_EPOCH must be a number of seconds, not "now"'],
  [[], { PATH: '/nowhere' }, 'some programs are missing; run: sudo apt install dpkg-dev debhelper'],
])('the tool says what it needs: %j %j', (args, env, said) => {
  const { status, stderr } = spawnSync(process.execPath, ['tools/deb.ts', ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  expect(stderr).toContain(`npm run deb: ${said}`);
  expect(status).toBe(1);
});
