import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Authenticator } from '@nats-io/transport-node';

import { ChimedError, messageAt, systemCode } from '../errors.ts';

/** The systemd credential: `LoadCredential=nats-creds`. */
const CREDENTIAL = 'nats-creds';
/** A user's seed, as `nk -gen user` makes it. */
const SEED = /^SU[A-Z2-7]{56}$/;

/**
 * Reads what a server is shown: a credentials file (JWT and seed), the seed of an nkey, or `user:password`, in
 * `nats.credentials` or in the systemd credential `nats-creds`.
 * @returns undefined if there is neither.
 * @throws {ChimedError} `bad-config` for a file that cannot be read, or contains none of these.
 */
export async function loadCredentials(
  file: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Authenticator | undefined> {
  const directory = env['CREDENTIALS_DIRECTORY'];
  const path = file ?? (directory === undefined ? undefined : join(directory, CREDENTIAL));
  if (path === undefined) return undefined;
  let bytes;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (file === undefined && systemCode(error) === 'ENOENT') return undefined;
    throw new ChimedError('bad-config', `the NATS credentials cannot be read: ${messageAt(path, error)}`, {
      cause: error,
    });
  }
  const { credsAuthenticator, nkeyAuthenticator, usernamePasswordAuthenticator } =
    await import('@nats-io/transport-node');
  const text = bytes.toString().trim();
  if (text.includes('BEGIN NATS USER JWT')) return credsAuthenticator(bytes);
  if (SEED.test(text)) return nkeyAuthenticator(Buffer.from(text));
  const [, user, password] = /^([^:\s]+):(\S+)$/.exec(text) ?? [];
  if (user !== undefined) return usernamePasswordAuthenticator(user, password);
  throw new ChimedError(
    'bad-config',
    `${path} contains no NATS credentials: neither a credentials file, nor the seed of an nkey (SU…), nor user:password`,
  );
}
