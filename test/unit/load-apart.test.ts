import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';

import { loadApart } from '../../src/config/load-apart.ts';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/mistakes.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';

const env = { CHIMED_SOCKET_PATH: '/run/s', PATH: process.env['PATH'] };
let folder: Folder;
let file: string;

beforeEach(() => {
  folder = temporaryFolder();
  file = folder.file('chimed.yaml');
  return () => folder[Symbol.dispose]();
});

test('a configuration that another process loads is the same, and frozen', async () => {
  writeFileSync(file, JSON.stringify({ topics: { t: { interval: '1s', command: ['date'] } } }));
  const config = await loadApart(file, env);
  expect(config).toEqual(loadConfig(file, env));
  expect([config, config.topics, config.topics[0]!.source].every(Object.isFrozen)).toBe(true);
});

test('its mistakes come back whole', async () => {
  writeFileSync(file, 'log: { level: loud }\ntopics: { t: { interval: 1s } }\n');
  const here = (async () => loadConfig(file, env))();
  const expected = (await here.catch((error: unknown) => error)) as ConfigError;
  const error = await loadApart(file, env).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  expect(error).toMatchObject({ code: 'bad-config', mistakes: expected.mistakes });
  expect((error as ConfigError).message).toBe(expected.message);
});

test('a file that is not there is named', async () => {
  await expect(loadApart(file, env)).rejects.toMatchObject({
    code: 'bad-config',
    message: expect.stringContaining(file),
  });
});

test('a file system that does not answer ends the load at its time limit', async () => {
  execFileSync('mkfifo', [file]);
  await expect(loadApart(file, env, { timeoutMs: 500 })).rejects.toMatchObject({
    code: 'bad-config',
    message: expect.stringContaining('within 0.5 s'),
  });
});
