import type { Authenticator } from '@nats-io/transport-node';

import { ChimedError } from '../errors.ts';
import { readSecret } from '../secret-file.ts';

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
  const secret = readSecret('the NATS credentials', file, CREDENTIAL, env);
  if (!secret) return undefined;
  const { path, bytes } = secret;
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
