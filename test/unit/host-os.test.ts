import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { parseRelease } from '../../src/sources/host/os-release.ts';
import { readerOf, rootsOf } from '../helpers/host-reading.ts';

test('os of this machine is what its programs print', async () => {
  const print = (program: string, ...args: string[]): string =>
    execFileSync(program, args, { encoding: 'utf8' }).trim();
  const seen = await readerOf('os').sample();
  expect(seen).toMatchObject({
    kernel: print('uname', '-r'),
    architecture: print('uname', '-m'),
    hostname: print('uname', '-n'),
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  });
  const virtualisation = existsSync('/usr/bin/systemd-detect-virt')
    ? print('sh', '-c', 'systemd-detect-virt || true')
    : null;
  expect(seen).toMatchObject({ virtualisation });
});

test('os names the system of a virtual machine, an arm64 board and a container', async () => {
  expect(await readerOf('os', rootsOf('vm')).sample()).toMatchObject({
    id: 'debian',
    name: 'Debian GNU/Linux',
    version: '12',
    kernel: '6.1.0-28-amd64',
    hostname: 'build-3',
    bootId: '0c5f3a0e-61b5-4b3a-9d0e-4f0cbb7a4c8d',
  });
  expect(await readerOf('os', rootsOf('arm64')).sample()).toMatchObject({
    id: 'archarm',
    name: 'Arch Linux ARM',
    version: null,
  });
  expect(await readerOf('os', rootsOf('container')).sample(), 'only in /usr/lib').toMatchObject({
    id: 'alpine',
    name: 'Alpine Linux',
    version: '3.20.3',
  });
});

test('os-release is unquoted as a shell does it', () => {
  const release = (name: string) => parseRelease(`# a comment\nNAME=${name}\nID=x\n`).name;
  expect(release('plain')).toBe('plain');
  expect(release('"two words"')).toBe('two words');
  expect(release("'single $x'")).toBe('single $x');
  expect(release(String.raw`"a \"b\" \$c \\ \x"`)).toBe(String.raw`a "b" $c \ \x`);
  expect(release('')).toBe('');
  expect(parseRelease('')).toEqual({ id: null, name: null, version: null });
});
