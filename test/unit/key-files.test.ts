import { chmodSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { checkKeyFiles } from '../../src/fleet/key-files.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';

const nats = { servers: ['a'], machine: 'web1', prefix: 'chimed', export: [], import: [] };

function write(folder: Folder, name: string, text: string, mode = 0o640): string {
  const file = folder.file(name);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

test('files that are right are accepted, and so is none', async () => {
  using folder = temporaryFolder();
  const credentials = write(folder, 'web1.creds', 'web1:secret');
  const ca = write(folder, 'ca.pem', '-----BEGIN CERTIFICATE-----', 0o644);
  const key = write(folder, 'key.pem', '-----BEGIN PRIVATE KEY-----');
  await checkKeyFiles({ ...nats, credentials, tls: { ca, cert: ca, key } });
  await checkKeyFiles(nats);
});

test('a file that cannot be used is named with its setting and a remedy, without what it contains', async () => {
  using folder = temporaryFolder();
  const refused = (config: object): Promise<unknown> =>
    checkKeyFiles({ ...nats, ...config }).catch((error: Error) => error.message);
  expect(await refused({ credentials: '/nonexistent' })).toMatch(
    /credentials cannot be read: ENOENT.*\/nonexistent/,
  );
  const open = write(folder, 'open.creds', 'web1:secret', 0o644);
  expect(await refused({ credentials: open })).toBe(
    `nats.credentials: every user can read ${open}, which must be secret; run: chmod o= ${open}`,
  );
  expect(await refused({ credentials: write(folder, 'other', 'SECRET') })).not.toContain('SECRET');
  expect(await refused({ tls: { ca: '/nonexistent' } })).toMatch(/^nats.tls.ca cannot be read: ENOENT/);
  expect(await refused({ tls: { cert: write(folder, 'der', 'x') } })).toMatch(
    /^nats.tls.cert: .*der is not in PEM format$/,
  );
  const key = write(folder, 'key.pem', '-----BEGIN PRIVATE KEY-----', 0o644);
  expect(await refused({ tls: { key } })).toMatch(/^nats.tls.key: every user can read .*; run: chmod o= /);
});
