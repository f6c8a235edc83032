import { hash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';

import type { Exchange } from './exchange.ts';
import { Problem } from './problem.ts';
import type { Routes } from './routes.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface PageFile {
  body: Buffer;
  type: string;
  etag: string;
}

/** The page, as it was built. */
export class BuiltPage {
  readonly #files = new Map<string, PageFile>();

  /** @param directory Where its files are. They are read at once: they are few and small. */
  constructor(directory: string) {
    for (const name of readdirSync(directory)) {
      const type = types[extname(name)];
      if (type === undefined) continue;
      const body = readFileSync(join(directory, name));
      this.#files.set(name, { body, type, etag: `"${hash('sha256', body, 'hex').slice(0, 16)}"` });
    }
  }

  /** Answers with one of its files. @throws {Problem} 404. */
  send(exchange: Exchange, name: string, status = 200): void {
    const file = this.#files.get(name);
    if (!file)
      throw new Problem(404, 'no-such-page', `The page has no file ${JSON.stringify(name.slice(0, 100))}.`);
    const { body, type, etag } = file;
    // Asked for each time, so that an upgrade shows at once.
    const headers = { 'Content-Type': type, ETag: etag, 'Cache-Control': 'no-cache' };
    if (status === 200 && exchange.has(etag)) return exchange.send(304, Buffer.alloc(0), headers);
    exchange.send(status, body, headers, 0);
  }

  get routes(): Routes {
    return {
      'GET /': (exchange) => this.send(exchange, 'index.html'),
      'GET /page/': (exchange, name) => this.send(exchange, name),
    };
  }
}
