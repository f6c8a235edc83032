import { readFileSync } from 'node:fs';

import type { NatsConfig } from '../config/config.ts';
import { ChimedError } from '../errors.ts';
import { isPublic, unreadable } from '../secret-file.ts';
import { loadCredentials } from './credentials.ts';

/**
 * Checks the files with keys before they are needed: a connection that cannot be made is tried for ever, and these are for
 * an administrator to correct.
 * @throws {ChimedError} `bad-config` for a file that cannot be read, that is not what belongs there, or for a secret that
 * every user can read.
 */
export async function checkKeyFiles({ credentials, tls = {} }: NatsConfig): Promise<void> {
  await loadCredentials(credentials);
  if (credentials !== undefined) refuseIfPublic('nats.credentials', credentials);
  for (const [name, path] of Object.entries(tls)) {
    const setting = `nats.tls.${name}`;
    if (!read(setting, path).includes('-----BEGIN '))
      throw new ChimedError('bad-config', `${setting}: ${path} is not in PEM format`);
    if (name === 'key') refuseIfPublic(setting, path);
  }
}

function read(setting: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(setting, path, error);
  }
}

function refuseIfPublic(setting: string, path: string): void {
  if (!isPublic(path)) return;
  const message = `${setting}: every user can read ${path}, which must be secret; run: chmod o= ${path}`;
  throw new ChimedError('bad-config', message);
}
