import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { ChimedError } from '../errors.ts';
import { isPublic, readSecret } from '../secret-file.ts';

/** The systemd credential: `LoadCredential=web-token:FILE`. */
const CREDENTIAL = 'web-token';
const COOKIE = 'chimed-token';
/** A shorter token can be guessed. */
const SHORTEST = 16;

/** What requests to the loopback port must carry: every user of the machine can connect there. */
export class Token {
  readonly #token: string;
  /** Not the token itself: browsers send cookies to all ports of a host. */
  readonly #cookie: string;

  constructor(token: string) {
    this.#token = token;
    this.#cookie = createHmac('sha256', token).update('chimed web').digest('base64url');
  }

  matches(given: string): boolean {
    return areEqual(given, this.#token);
  }

  /** Reports whether the request carries the token, as a bearer token or by the cookie. */
  isIn({ headers }: IncomingMessage): boolean {
    const [, bearer] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
    if (bearer !== undefined) return this.matches(bearer);
    const [, cookie] = new RegExp(`(?:^|; *)${COOKIE}=([^;]*)`).exec(headers.cookie ?? '') ?? [];
    return cookie !== undefined && areEqual(cookie, this.#cookie);
  }

  /** The `Set-Cookie` header for a browser that has given the token. */
  get setCookie(): string {
    return `${COOKIE}=${this.#cookie}; Path=/; HttpOnly; SameSite=Strict`;
  }
}

/**
 * Reads the token from `web.tokenFile` or systemd's credential.
 * @returns undefined if there is neither.
 * @throws {ChimedError} `bad-config` for a file that cannot be read, that every user can read, or with a short token.
 */
export function loadToken(
  file: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Token | undefined {
  const secret = readSecret('the token', file, CREDENTIAL, env);
  if (!secret) return undefined;
  const { path } = secret;
  const text = secret.bytes.toString().trim();
  if (file !== undefined && isPublic(path))
    throw new ChimedError('bad-config', `every user can read the token in ${path}; run: chmod 600 ${path}`);
  if (text.length < SHORTEST || /\s/.test(text)) {
    const message = `the token in ${path} must have at least ${SHORTEST} characters and no spaces; make one: openssl rand -hex 32`;
    throw new ChimedError('bad-config', message);
  }
  return new Token(text);
}

/** In a time that does not tell how much of it is right. */
function areEqual(one: string, other: string): boolean {
  const digests = [one, other].map((text) => hash('sha256', text, 'buffer'));
  return timingSafeEqual(digests[0]!, digests[1]!);
}
