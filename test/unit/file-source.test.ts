import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test, vi } from 'vitest';

import { fileSource } from '../../src/sources/files/file.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { sourceContext } from '../helpers/source-context.ts';

const { signal } = new AbortController();
let folder: Folder;

beforeEach(() => {
  folder = temporaryFolder();
  return () => folder[Symbol.dispose]();
});

function source(file: string, maxBytes = 1000) {
  return fileSource(file, sourceContext(folder.path, { maxBytes }));
}

async function read(file: string, content?: string, maxBytes?: number): Promise<unknown> {
  if (content !== undefined) writeFileSync(folder.file(file), content);
  return source(file, maxBytes).sample(signal);
}

describe('a file is read', () => {
  test.each([
    ['as text, without its last newline', 'a', 'one\ntwo\r\n', 'one\ntwo'],
    ['as text, whatever it looks like', 'a.txt', '{"a": 1}', '{"a": 1}'],
    ['as nothing, if it is empty', 'a', '', ''],
    ['as JSON', 'a.json', '{"a": [1, "é👍"]}\n', { a: [1, 'é👍'] }],
    ['as YAML', 'a.yaml', 'a:\n  - 1\n  - é\n', { a: [1, 'é'] }],
    ['as JSON, without a byte order mark', 'a.json', '\uFEFF{}', {}],
    ['as text, without a byte order mark', 'a', '\uFEFFone', 'one'],
    [
      'as JSON, a large number as its text',
      'a.json',
      '[12345678901234567890, 1e999]',
      ['12345678901234567890', '1e999'],
    ],
    ['as YAML', 'a.yml', 'a: [1]', { a: [1] }],
  ])('%s: %s', async (_, name, content, payload) => {
    expect(await read(name, content)).toEqual(payload);
  });

  test('as its format says, whatever its name', async () => {
    writeFileSync(folder.file('a.json'), '1\n2\n');
    const lines = fileSource('a.json', sourceContext(folder.path), 'lines');
    expect(await lines.sample(signal)).toEqual(['1', '2']);
    const number = fileSource('a.json', sourceContext(folder.path), 'number');
    await expect(number.sample(signal)).rejects.toThrow(/a\.json: it is not a number: "1\\n2"$/);
  });

  test('from the directory of the configuration, or from where its path says', async () => {
    await read('a', 'here');
    expect(await read(folder.file('a'))).toBe('here');
  });

  test('by what is in it, though its size be said to be 0', async () => {
    expect(await read('/proc/sys/kernel/ostype')).toBe('Linux');
  });

  test('as it is now, at each sample', async () => {
    const { sample } = source('a');
    await expect(sample(signal)).rejects.toThrow('No such file or directory');
    writeFileSync(folder.file('a'), 'first');
    expect(await sample(signal)).toBe('first');
    rmSync(folder.file('a'));
    await expect(sample(signal)).rejects.toThrow('No such file or directory');
    writeFileSync(folder.file('a'), 'second');
    expect(await sample(signal)).toBe('second');
  });
});

describe('reading fails', () => {
  test('of bytes that are no UTF-8', async () => {
    writeFileSync(folder.file('a'), Buffer.from([0x61, 0xff]));
    await expect(source('a').sample(signal)).rejects.toThrow(
      /a: it is not UTF-8; encode binary data as base64$/,
    );
    await expect(source('/proc/self/auxv', 10_000).sample(signal)).rejects.toThrow(/auxv: it is not UTF-8/);
  });

  test.each([
    ['of JSON that is none', 'a.json', '{"a":', /^\/.*\/a\.json: .*JSON/],
    ['of YAML that is none', 'a.yaml', 'a: [', /\/a\.yaml: line 1: not valid YAML: .*flow/],
    ['of YAML that leads to itself', 'a.yaml', '&a [*a]', /\/a\.yaml: its aliases are circular/],
  ])('because %s', async (_, name, content, reason) => {
    await expect(read(name, content)).rejects.toThrow(reason);
  });

  test('of a directory', async () => {
    await expect(read('.')).rejects.toThrow(`${folder.path}: Is a directory`);
  });

  test('of more than maxBytes, and not of exactly so many', async () => {
    expect(await read('a', 'é'.repeat(5), 10)).toBe('ééééé');
    await expect(read('a', `${'é'.repeat(5)}x`, 10)).rejects.toThrow('has more than 10 bytes');
    await expect(read('/dev/zero')).rejects.toThrow('has more than 1000 bytes');
  });
});

test('what a device gives is bounded in time and bytes', async () => {
  const never = fileSource('/dev/ptmx', sourceContext(folder.path, { timeoutMs: 200 }));
  await expect(never.sample(signal)).rejects.toThrow('/dev/ptmx: it took longer than 200 ms (timeout)');
});

test('a file is read into as much memory as it needs, and not as it may have', async () => {
  writeFileSync(folder.file('a'), 'small');
  const { sample } = source('a', 64 * 1024 * 1024);
  await sample(signal);
  const allocate = vi.spyOn(Buffer, 'allocUnsafe');
  expect(await sample(signal)).toBe('small');
  expect(Math.max(...allocate.mock.calls.map(([size]) => size))).toBeLessThanOrEqual(65_536);
  allocate.mockRestore();
});

test('a file of many times the first read is read whole', async () => {
  const content = 'x'.repeat(1_000_000);
  expect(await read('a', content, 2_000_000)).toBe(content);
});

test('a pipe that nobody writes to does not hold the sample up', async () => {
  execFileSync('mkfifo', [folder.file('pipe')]);
  expect(await read('pipe')).toBe('');
});
