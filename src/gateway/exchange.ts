import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Asker } from './asker.ts';
import { Problem } from './problem.ts';
import type { UserBudget } from './user-budget.ts';

/** How long a client may take nothing of an answer, in milliseconds. */
const STALL_MS = 30_000;

/** One request and its answer. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly asker: Asker;
  readonly url: URL;
  readonly #budget: UserBudget;

  constructor(request: IncomingMessage, response: ServerResponse, asker: Asker, budget: UserBudget) {
    this.request = request;
    this.response = response;
    this.asker = asker;
    this.#budget = budget;
    this.url = urlOf(request);
  }

  /** Answers with bytes. @param cost Memory that they take; 0 if others share it. */
  send(status: number, body: Buffer, headers: Record<string, string>, cost = body.length): void {
    this.charge(cost);
    this.response.setTimeout(STALL_MS, () => this.response.destroy());
    this.response.writeHead(status, { 'Content-Length': String(body.length), ...headers });
    this.response.end(this.request.method === 'HEAD' ? undefined : body);
  }

  sendJson(status: number, value: unknown, headers: Record<string, string> = {}): void {
    this.send(status, Buffer.from(`${JSON.stringify(value)}\n`), { ...JSON_HEADERS, ...headers });
  }

  /** Reports whether the asker has what this tag names. */
  has(etag: string): boolean {
    const given = this.request.headers['if-none-match'] ?? '';
    return given.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
  }

  /**
   * Has the asker answer for memory until the exchange has ended.
   * @throws {Problem} 503 if its requests, or all, hold as much as they may.
   */
  charge(bytes: number): void {
    if (bytes === 0) return;
    const { user } = this.asker;
    if (!this.#budget.take(user, bytes)) {
      const message = 'Too many requests and answers are under way. Read the answers, and retry.';
      throw new Problem(503, 'too-much-memory', message, { 'Retry-After': '1' });
    }
    this.response.once('close', () => this.#budget.release(user, bytes));
  }

  /**
   * Reads the body.
   * @param most Its largest length, in bytes.
   * @throws {Problem} 413.
   */
  async body(most: number): Promise<Buffer> {
    const tooLarge = new Problem(
      413,
      'too-large',
      `Body too large (limit ${most} bytes, clients.frameBytes).`,
      {
        Connection: 'close',
      },
    );
    const length = Number(this.request.headers['content-length'] ?? most);
    if (length > most) throw tooLarge;
    this.charge(length);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of this.request as AsyncIterable<Buffer>) {
      if ((bytes += chunk.length) > most) throw tooLarge;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }
}

export const JSON_HEADERS = { 'Content-Type': 'application/json; charset=utf-8' };

/** @throws {Problem} 400. */
function urlOf({ url = '' }: IncomingMessage): URL {
  // What begins with two slashes would name a host.
  const parsed = url.startsWith('/') ? URL.parse(`http://gateway${url}`) : null;
  if (!parsed) throw new Problem(400, 'bad-request', 'The request needs a path, such as /topics.');
  return parsed;
}
