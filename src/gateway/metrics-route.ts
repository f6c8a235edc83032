import type { Status } from '../protocol/status-snapshot.ts';
import { gatewayItself, tokenHolder } from './asker.ts';
import type { Exchange } from './exchange.ts';
import { contentTypes, metricFormatFor } from './metric-text.ts';
import { openMetrics } from './open-metrics.ts';
import { problemOf } from './problem.ts';
import type { SnapshotView } from './viewer.ts';
import type { Viewers } from './viewers.ts';

/**
 * Answers with the metrics, in the format that the asker accepts. Without a daemon these are `chimed_up 0`: an error would
 * look like a gateway that is down.
 */
export async function sendMetrics(exchange: Exchange, viewers: Viewers): Promise<void> {
  const format = metricFormatFor(exchange.request.headers.accept);
  const headers = { 'Content-Type': contentTypes[format], Vary: 'Accept' };
  const viewer = viewers.of(exchange.asker);
  let view: SnapshotView;
  try {
    view = await viewer.view();
  } catch (error) {
    if (problemOf(error).status !== 503) throw error;
    return exchange.send(200, Buffer.from(openMetrics(undefined, new Map(), { format })), headers);
  }
  const { status, rendered } = view;
  const key = `metrics ${format}`;
  let body = rendered.get(key);
  if (!body) {
    const { values, leftOut: topicsLeftOut } = await viewer.metrics(status);
    const users = exchange.asker === tokenHolder ? await allUsers(viewers) : status.users;
    body = Buffer.from(
      openMetrics({ ...status, ...(users && { users }) }, values, { format, topicsLeftOut }),
    );
    rendered.set(key, body);
  }
  exchange.send(200, body, headers, 0);
}

/** The figures of all users, which the daemon gives to the gateway: whoever has the token was given it for monitoring. */
async function allUsers(viewers: Viewers): Promise<Status['users']> {
  const { users } = await viewers.of(gatewayItself).ask((client) => client.status({ topics: [] }));
  return users;
}
