import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';

import { DirectoryRead } from '../../src/sources/files/directory-read.ts';
import { filesSource } from '../../src/sources/files/matching-files.ts';
import type { SourceContext } from '../../src/sources/source.ts';
import { parseWildcard } from '../../src/sources/files/wildcard.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { sourceContext } from '../helpers/source-context.ts';

const { signal } = new AbortController();
let folder: Folder;

beforeEach(() => {
  folder = temporaryFolder();
  return () => folder[Symbol.dispose]();
});

function write(files: Record<string, string | Buffer>): void {
  for (const [name, content] of Object.entries(files)) writeFileSync(folder.file(name), content);
}

function sample(files: string, options: Partial<SourceContext> = {}): unknown {
  return filesSource({ files }, sourceContext(folder.path, options)).sample(signal);
}

describe('files are read', () => {
  test('by their names, in order, each as its name says', async () => {
    write({ 'b.json': '{"a": 1}', 'a.yaml': 'a: [1]', 'c.txt': '1\n', '.hidden': '' });
    const payload = (await sample('*')) as object;
    expect(Object.entries(payload)).toEqual([
      ['a.yaml', { a: [1] }],
      ['b.json', { a: 1 }],
      ['c.txt', '1'],
    ]);
    expect(await sample('?.t*')).toEqual({ 'c.txt': '1' });
    expect(await sample(folder.file('*.json'))).toEqual({ 'b.json': { a: 1 } });
  });

  test('in one format', async () => {
    write({ 'a.json': '1\n2\n', b: '' });
    const source = filesSource({ files: '*', format: 'lines' }, sourceContext(folder.path));
    expect(await source.sample(signal)).toEqual({ 'a.json': ['1', '2'], b: [] });
  });

  test('as an empty mapping, if none matches', async () => {
    expect(await sample('*')).toEqual({});
  });

  test('through links; what is no regular file is left out', async () => {
    mkdirSync(folder.file('directory'));
    mkdirSync(folder.file('files'));
    execFileSync('mkfifo', [folder.file('files/pipe')]);
    mkdirSync(folder.file('files/directory'));
    write({ outside: 'here', 'files/a': 'a' });
    symlinkSync('../outside', folder.file('files/link'));
    symlinkSync('/proc/sys/kernel/ostype', folder.file('files/kernel'));
    symlinkSync('nowhere', folder.file('files/gone'));
    symlinkSync('../directory', folder.file('files/place'));
    symlinkSync('files', folder.file('spool'));
    expect(await sample('spool/*')).toEqual({ a: 'a', link: 'here', kernel: 'Linux' });
  });

  test('of names that are hard to carry', async () => {
    write({ __proto__x: '1', 'a\nb': '2', '-n': '3', é: '4' });
    writeFileSync(join(folder.path, '__proto__'), '5');
    const payload = await sample('*');
    expect(JSON.stringify(payload)).toBe(
      JSON.stringify({ '-n': '3' }).slice(0, -1) + ',"__proto__":"5","__proto__x":"1","a\\nb":"2","é":"4"}',
    );
  });

  test('of the kernel', async () => {
    expect(await sample('/proc/sys/kernel/ostyp?')).toEqual({ ostype: 'Linux' });
  });

  test('by processes, in a directory that might block this one', async () => {
    expect(await sample('/dev/pts/*'), 'devices are no regular files').toEqual({});
    mkdirSync(folder.file('files'));
    mkdirSync(folder.file('files/directory'));
    write({ outside: 'here', 'files/a\nb': 'a', 'files/.c': 'hidden' });
    symlinkSync('../outside', folder.file('files/link'));
    symlinkSync('nowhere', folder.file('files/gone'));
    symlinkSync('files', folder.file('spool'));
    const reading = new DirectoryRead(folder.file('spool'), parseWildcard('*'), sourceContext(folder.path));
    const names = await reading.listed(signal);
    expect(names).toEqual(['a\nb', 'gone', 'link']);
    await reading.each(names, signal);
    expect(reading.texts).toEqual([
      ['a\nb', 'a'],
      ['link', 'here'],
    ]);
  });
});

describe('a sample of files fails', () => {
  test('without a directory', async () => {
    await expect(sample('x/*')).rejects.toThrow(`${folder.file('x')}: No such file or directory`);
    write({ x: '' });
    await expect(sample('x/*')).rejects.toThrow(/x: .*not a directory/i);
    await expect(sample('/dev/pts/none/*')).rejects.toThrow('/dev/pts/none: No such file or directory');
  });

  test('at a file that cannot be parsed, and names it', async () => {
    write({ 'a.json': '1', 'b.json': '{' });
    await expect(sample('*.json')).rejects.toThrow(`${folder.file('b.json')}: it is not JSON`);
    write({ 'b.json': Buffer.from([0xff]) });
    await expect(sample('*.json')).rejects.toThrow(`${folder.file('b.json')}: it is not UTF-8`);
  });

  test('at a name that is not UTF-8, if it matches', async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${folder.path}/caf`), Buffer.from([0xe9])]), '1');
    write({ 'a.json': '1' });
    expect(await sample('*.json')).toEqual({ 'a.json': 1 });
    await expect(sample('*')).rejects.toThrow('the name "caf\uFFFD" is not UTF-8; rename the file');
  });

  test('at more than maxBytes together, and not at exactly so many', async () => {
    write({ a: 'x'.repeat(6), b: 'x'.repeat(4) });
    expect(Object.keys((await sample('*', { maxBytes: 10 })) as object)).toEqual(['a', 'b']);
    await expect(sample('*', { maxBytes: 9 })).rejects.toThrow(
      `${folder.path}: the files have more than 9 bytes together (maxBytes)`,
    );
    await expect(sample('*', { maxBytes: 5 })).rejects.toThrow(
      `${folder.file('a')}: it has more than 5 bytes (maxBytes)`,
    );
  });

  test('at more than 1000 files', async () => {
    for (let index = 0; index < 1000; index++) write({ [`f${index}`]: '1' });
    expect(Object.keys((await sample('*', { maxBytes: 5000 })) as object)).toHaveLength(1000);
    write({ more: '' });
    await expect(sample('*')).rejects.toThrow('more than 1000 files match; use a narrower pattern');
    expect(await sample('more*')).toEqual({ more: '' });
  });

  test('when it is no longer needed', async () => {
    write({ a: '' });
    await expect(
      (async () => filesSource({ files: '*' }, sourceContext(folder.path)).sample(AbortSignal.abort()))(),
    ).rejects.toThrow();
  });
});

test('files that come and go during samples are there or not, and fail none', async () => {
  const source = filesSource({ files: '*' }, sourceContext(folder.path, { maxBytes: 100_000 }));
  for (let round = 0; round < 30; round++) {
    for (let index = 0; index < 20; index++) write({ [`f${index}`]: 'whole' });
    const sampling = source.sample(signal) as Promise<object>;
    await Promise.resolve();
    for (let index = 0; index < 20; index += 2) rmSync(folder.file(`f${index}`));
    for (const content of Object.values(await sampling)) expect(content).toBe('whole');
  }
});
