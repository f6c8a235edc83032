import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { ChimedError, messageAt, systemCode } from './errors.ts';

const READ_BY_OTHERS = 0o004;

/**
 * Reads a secret from the file that the configuration names, or from the systemd credential of a name.
 * @param what What errors call it.
 * @returns undefined if no file is named and there is no such credential.
 * @throws {ChimedError} `bad-config` for a file that cannot be read.
 */
export function readSecret(
  what: string,
  file: string | undefined,
  credential: string,
  env: Readonly<Record<string, string | undefined>>,
): { path: string; bytes: Buffer } | undefined {
  const directory = env['CREDENTIALS_DIRECTORY'];
  const path = file ?? (directory === undefined ? undefined : join(directory, credential));
  if (path === undefined) return undefined;
  try {
    return { path, bytes: readFileSync(path) };
  } catch (error) {
    if (file === undefined && systemCode(error) === 'ENOENT') return undefined;
    throw unreadable(what, path, error);
  }
}

/** What is thrown for a file with keys that cannot be read. */
export function unreadable(what: string, path: string, error: unknown): ChimedError {
  return new ChimedError('bad-config', `${what} cannot be read: ${messageAt(path, error)}`, { cause: error });
}

/** Reports whether every user can read a file. */
export function isPublic(path: string): boolean {
  return (statSync(path).mode & READ_BY_OTHERS) !== 0;
}
