import type { ServerResponse } from 'node:http';

import { EventStream, resumeFrom } from './event-stream.ts';
import type { Exchange } from './exchange.ts';
import { Problem } from './problem.ts';
import { patternsIn } from './topics-routes.ts';
import type { Connect } from './viewers.ts';

/** Streams of one user, and of all. Each has a connection to the daemon. */
const MOST_OF_ONE = 1024;
const MOST = 2048;

/** Server-sent events, for as many readers as there may be. */
export class Streams {
  readonly #connect: Connect;
  readonly #open = new Map<string, number>();
  readonly #responses = new Set<ServerResponse>();

  constructor(connectAs: Connect) {
    this.#connect = connectAs;
  }

  /** Answers with a stream. @throws {Problem} 429 if there are too many. */
  async send(exchange: Exchange): Promise<void> {
    const { asker, url, request, response } = exchange;
    const given = patternsIn(url);
    const patterns = given.length > 0 ? given : ['>'];
    // EventSource sends the header when it connects again; a new one can only use the query.
    const id = request.headers['last-event-id'] ?? url.searchParams.get('after') ?? undefined;
    const resume = resumeFrom(typeof id === 'string' ? id : undefined);
    if (request.method === 'HEAD')
      return void response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end();
    const leave = this.#enter(asker.user, response);
    try {
      const connect = (from: typeof resume) =>
        this.#connect(asker, { name: 'chimed web, stream', ...(from && { resume: from }) });
      await new EventStream(response, { patterns, resume, connect }).run();
    } finally {
      leave();
    }
  }

  /** Ends all of them. */
  end(): void {
    for (const response of this.#responses) response.end();
  }

  #enter(user: string, response: ServerResponse): () => void {
    const own = this.#open.get(user) ?? 0;
    if (own >= MOST_OF_ONE || this.#responses.size >= MOST) {
      const message = `Too many streams are open: limit ${MOST_OF_ONE} of one user, ${MOST} of all. Close some.`;
      throw new Problem(429, 'too-many-streams', message, { 'Retry-After': '10' });
    }
    this.#open.set(user, own + 1);
    this.#responses.add(response);
    return () => {
      const left = this.#open.get(user)! - 1;
      if (left > 0) this.#open.set(user, left);
      else this.#open.delete(user);
      this.#responses.delete(response);
    };
  }
}
