import type { ServerResponse } from 'node:http';

import { EventStream, resumeFrom } from './event-stream.ts';
import type { Exchange } from './exchange.ts';
import { Problem } from './problem.ts';
import { patternsIn } from './topics-routes.ts';
import { UserBudget } from './user-budget.ts';
import type { Connect } from './viewers.ts';

/** Streams of one user, and of all. Each has a connection to the daemon. */
const MOST_OF_ONE = 1024;
const MOST = 2048;

/** Server-sent events, for as many readers as there may be. */
export class Streams {
  readonly #connect: Connect;
  readonly #open = new UserBudget({ perUser: MOST_OF_ONE, total: MOST });
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
    if (!this.#open.take(asker.user)) {
      const message = `Too many streams are open: limit ${MOST_OF_ONE} of one user, ${MOST} of all. Close some.`;
      throw new Problem(429, 'too-many-streams', message, { 'Retry-After': '10' });
    }
    this.#responses.add(response);
    try {
      const connect = (from: typeof resume) =>
        this.#connect(asker, { name: 'chimed web, stream', ...(from && { resume: from }) });
      await new EventStream(response, { patterns, resume, connect }).run();
    } finally {
      this.#responses.delete(response);
      this.#open.release(asker.user);
    }
  }

  /** Ends all of them. */
  end(): void {
    for (const response of this.#responses) response.end();
  }
}
