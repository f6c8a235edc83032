import type { ServerResponse } from 'node:http';

import { ChimedError, messageOf } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

const statuses: Partial<Record<ErrorCode, number>> = {
  'bad-request': 400,
  'not-allowed': 403,
  'unknown-topic': 404,
  'not-publishable': 405,
  'too-large': 413,
  'too-fast': 429,
  'too-many-clients': 503,
  'too-many-connections': 429,
  'too-many-patterns': 429,
  'too-much-memory': 503,
  'no-daemon': 503,
  'not-permitted': 503,
  'connection-lost': 503,
  busy: 503,
  closed: 503,
  timeout: 503,
};

/** Why a request is not answered with what it asked for. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  /** @param message One or more sentences for people: what failed, and what to do. */
  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/**
 * The problem that anything thrown is.
 * @param isNobody Whoever asks has no uid: topics with `access` are not there for them, and are not told from those that
 * do not exist.
 */
export function problemOf(thrown: unknown, isNobody = false): Problem {
  if (thrown instanceof Problem) return thrown;
  if (isNobody && thrown instanceof ChimedError && thrown.code === 'not-allowed')
    return new Problem(
      404,
      'unknown-topic',
      'There is no such topic here. Topics with access lists are on the Unix socket only.',
    );
  if (!(thrown instanceof ChimedError)) return new Problem(500, 'internal-error', messageOf(thrown));
  const status = statuses[thrown.code] ?? 502;
  const headers = {
    ...(status === 503 && { 'Retry-After': '1' }),
    ...(status === 405 && { Allow: 'GET, HEAD' }),
  };
  return new Problem(status, thrown.code, thrown.message, headers);
}

/** Answers with the problem, unless an answer has begun: then the connection ends, so that no part passes for the whole. */
export function sendProblem(response: ServerResponse, { status, code, message, headers }: Problem): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', ...headers });
  response.end(`${JSON.stringify({ error: { code, message } })}\n`);
}
