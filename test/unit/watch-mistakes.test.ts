import { symlinkSync, writeFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';

import { loadConfig } from '../../src/config/load.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';

let folder: Folder;

beforeEach(() => {
  folder = temporaryFolder();
  return () => folder[Symbol.dispose]();
});

function load(topic: object) {
  writeFileSync(folder.file('c.yaml'), JSON.stringify({ topics: { t: topic } }));
  return loadConfig(folder.file('c.yaml'), {});
}

test.each([
  ['a file of the kernel', { file: '/proc/loadavg' }, '/proc is on proc'],
  ['a file that is not there', { file: '/sys/none/x' }, '/sys is on sysfs'],
  ['files of the kernel', { files: '/proc/sys/kernel/*' }, '/proc is on proc'],
])('%s cannot be watched: the configuration has a mistake', (_, source, why) => {
  expect(() => load({ ...source, watch: true })).toThrow(
    `topics.t.watch: watch: true needs a file system that reports changes, but ${why}; remove it and set interval, such as interval: 5s`,
  );
  expect(() => load({ ...source, interval: '5s', watch: false })).not.toThrow();
});

test('a link that leads there has the same mistake', () => {
  symlinkSync('/proc/uptime', folder.file('link'));
  symlinkSync('link', folder.file('relative'));
  expect(() => load({ file: 'relative', watch: true })).toThrow('/proc is on proc');
});

test('what is not there yet can be watched', () => {
  const { topics } = load({ file: 'none/of/these', watch: true });
  expect(topics[0]).toMatchObject({
    onChange: true,
    schedule: { kind: 'interval', intervalMs: 60_000 },
    source: { kind: 'file', watch: true },
  });
});

test.each([
  ['/var/spool', 'its last part has no wildcard'],
  ['/var/*/x', 'another part has a wildcard'],
  ['/var/*.{a,b}', 'only * and ? can be wildcards; [ ] { } cannot be used'],
  ['~/x/*', 'a ~ is not expanded'],
  [5, 'it is a number'],
])('files: %j is a mistake', (files, why) => {
  expect(() => load({ interval: '1s', files })).toThrow(
    `topics.t.files: expected a path with wildcards in its last part, such as /var/spool/x/*.json, but ${why}`,
  );
});
