import { messageOf } from '../errors.ts';
import type { Exchange } from './exchange.ts';
import type { Viewers } from './viewers.ts';

/** Answers 200 if there is a daemon and no topic that the asker may hear is failing, else 503 with what is wrong. */
export async function sendHealth(exchange: Exchange, viewers: Viewers): Promise<void> {
  const headers = { 'Retry-After': '1' };
  let view;
  try {
    view = await viewers.of(exchange.asker).view();
  } catch (error) {
    return exchange.sendJson(503, { status: 'down', error: messageOf(error) }, headers);
  }
  const failing = view.status.topics
    .filter(({ lastError }) => lastError !== null)
    .map(({ topic, lastError: error, failingSince: since }) => ({ topic, error, since }));
  if (failing.length === 0) return exchange.sendJson(200, { status: 'ok' });
  exchange.sendJson(503, { status: 'failing', failing }, headers);
}
