import { isPattern } from '../protocol/names.ts';
import { JSON_HEADERS } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { Problem } from './problem.ts';
import type { Routes } from './routes.ts';
import type { SnapshotView } from './viewer.ts';
import type { Viewers } from './viewers.ts';

/** The media types of JSON. */
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json *(?:;|$)/i;

/**
 * The daemon's status, its topics, their last messages, and publishing.
 * @param frameBytes Largest body.
 */
export function topicsRoutes(viewers: Viewers, frameBytes: number): Routes {
  const getTopic = async (exchange: Exchange, topic: string): Promise<void> => {
    const message = await viewers.of(exchange.asker).ask((client) => client.get(topic));
    if (!message) {
      const sentence = `${topic} has no message yet, or only one that is older than its maxAge.`;
      throw new Problem(404, 'no-message', sentence);
    }
    const etag = `"${message.time}-${message.seq}${message.stale ? '-stale' : ''}"`;
    const headers = { ETag: etag, 'Cache-Control': 'no-cache' };
    if (exchange.has(etag)) return exchange.send(304, Buffer.alloc(0), headers);
    exchange.sendJson(200, message, headers);
  };
  return {
    'GET /status': async (exchange) => {
      const view = await viewers.of(exchange.asker).view();
      sendShared(exchange, view, 'status', () => view.status);
    },
    'GET /topics': async (exchange) => {
      const patterns = patternsIn(exchange.url);
      const viewer = viewers.of(exchange.asker);
      if (patterns.length > 0) {
        const { topics, topicCount } = await viewer.ask((client) => client.status({ topics: patterns }));
        return exchange.sendJson(200, { topicCount, topics });
      }
      const view = await viewer.view();
      sendShared(exchange, view, 'topics', ({ topics, topicCount }) => ({ topicCount, topics }));
    },
    'GET /topics/': getTopic,
    'POST /topics/': async (exchange, topic) => {
      const { request, asker } = exchange;
      if (!JSON_TYPE.test(request.headers['content-type'] ?? '')) {
        const message = 'Publishing needs the header `Content-Type: application/json`.';
        throw new Problem(415, 'bad-content-type', message, { Accept: 'application/json' });
      }
      const data = parsed(await exchange.body(frameBytes));
      const published = await viewers.of(asker).ask((client) => client.publish(topic, data));
      exchange.sendJson(201, published);
    },
  };
}

/** The patterns that the query names: `topics=a,b.>`. @throws {Problem} 400. */
export function patternsIn({ searchParams }: URL): string[] {
  const patterns = searchParams.getAll('topics').flatMap((list) => list.split(',').filter(Boolean));
  const wrong = patterns.find((pattern) => !isPattern(pattern));
  if (wrong === undefined) return patterns;
  const message = `${JSON.stringify(wrong.slice(0, 100))} is neither a topic nor a pattern such as host.>.`;
  throw new Problem(400, 'bad-request', message);
}

/** Answers with what is made once of a view, however many ask for it. */
function sendShared(
  exchange: Exchange,
  { status, rendered }: SnapshotView,
  key: string,
  make: (status: SnapshotView['status']) => unknown,
): void {
  let body = rendered.get(key);
  if (!body) rendered.set(key, (body = Buffer.from(`${JSON.stringify(make(status))}\n`)));
  exchange.send(200, body, JSON_HEADERS, 0);
}

/** @throws {Problem} 400. */
function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new Problem(400, 'not-json', `The body is not JSON: ${(error as Error).message}`);
  }
}
