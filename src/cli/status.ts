import { setTimeout as wait } from 'node:timers/promises';
import { Command, Option } from 'commander';

import { ChimedError } from '../errors.ts';
import type { Client } from '../client/api.ts';
import type { TopicValues } from '../gateway/open-metrics.ts';
import { FLEET_LINK } from '../protocol/fleet-link.ts';
import type { FleetLink } from '../protocol/fleet-link.ts';
import type { Status } from '../protocol/status-snapshot.ts';
import { withHelp } from './command-help.ts';
import { connectOnce, socketOption } from './connect-once.ts';
import { isPassing } from './exit-codes.ts';
import { hurryOutput, outputEnd, print } from './standard-output.ts';
import { colorsFor } from './colors.ts';
import { printable, printableJson } from './printable.ts';
import { renderStatus, sortKeys, sortTopics } from './status-page.ts';
import type { SortKey } from './status-page.ts';

interface Options {
  socket?: string;
  json?: boolean;
  openmetrics?: boolean;
  watch?: boolean;
  sort?: SortKey;
}

const WATCH_MS = 1000;
const CLEAR_SCREEN = '\x1b[2J\x1b[H';

/** `chimed status`: shows the daemon, its clients and its topics. */
export function statusCommand(): Command {
  const command = new Command('status')
    .description('show the daemon, its clients and its topics')
    .argument('[pattern...]', 'topics to show, or patterns such as "host.>" (default: all)')
    .option('--json', 'print JSON; with --watch, one line per second')
    .addOption(
      new Option(
        '--openmetrics',
        "print metrics for node_exporter's textfile directory, with the numbers of topics with metrics: true",
      ).conflicts(['json', 'watch', 'sort']),
    )
    .option('-w, --watch', 'refresh every second, until interrupted; see also chimed top')
    .addOption(new Option('--sort <key>', 'sort topics by this, largest first').choices(sortKeys))
    .addOption(socketOption())
    .action(status);
  return withHelp(command, {
    examples: [
      'chimed status',
      'chimed status "host.>"',
      'chimed status --watch --sort late',
      'chimed status --json | jq .topics',
      'chimed status --openmetrics | promtool check metrics',
    ],
  });
}

async function status(
  patterns: string[],
  { socket, json, openmetrics, watch, sort }: Options,
): Promise<void> {
  if (openmetrics) return printMetrics(patterns, socket);
  const asked = { ...(patterns.length > 0 && { topics: patterns }), ...(json && { allClients: true }) };
  const interrupted = new AbortController();
  if (watch) process.once('SIGINT', () => interrupted.abort()).once('SIGINT', hurryOutput);
  const stopped = AbortSignal.any([interrupted.signal, outputEnd]);
  const paint = colorsFor(process.stdout);
  let client = await connectOnce('status', socket);
  const show = async (snapshot: Status): Promise<void> => {
    if (sort) snapshot.topics = sortTopics(snapshot.topics, sort);
    if (json) return print(`${printableJson(JSON.stringify(snapshot, null, watch ? 0 : 2))}\n`);
    const { isTTY, columns } = process.stdout;
    const page = renderStatus(snapshot, paint, isTTY ? columns : Infinity, await fleetOf(snapshot, client));
    return print((watch && isTTY ? CLEAR_SCREEN : '') + page);
  };
  try {
    await show(await client.status(asked));
    if (!watch) return;
    for (;;) {
      await wait(WATCH_MS, undefined, { signal: stopped }).catch(() => {}); // Interrupted: done.
      if (stopped.aborted) return;
      try {
        await show(await client.status(asked));
      } catch (error) {
        if (!isPassing(error)) throw error;
        process.stderr.write(`chimed: ${printable(error.message)}; retrying\n`);
        await client.close();
        client = await connectOnce('status', socket);
      }
    }
  } finally {
    await client.close();
  }
}

/** What the bridge says of the fleet, if there is one. */
async function fleetOf({ topics }: Status, client: Client): Promise<FleetLink | undefined> {
  if (!topics.some(({ topic }) => topic === FLEET_LINK)) return undefined;
  const last = await client.get<Partial<FleetLink> | null>(FLEET_LINK).catch(ifGone);
  return last?.data?.machines ? (last.data as FleetLink) : undefined; // Else the topic is somebody else's.
}

/** Without a daemon, the metrics say so: a file that is written in their place must not keep the last ones. */
async function printMetrics(patterns: string[], socket: string | undefined): Promise<void> {
  const { openMetrics } = await import('../gateway/open-metrics.ts');
  const render = (snapshot: Status | undefined, values: TopicValues): Promise<void> =>
    print(openMetrics(snapshot, values, { format: 'text' }));
  try {
    await using client = await connectOnce('status', socket);
    const snapshot = await client.status(patterns.length > 0 ? { topics: patterns } : {});
    await render(snapshot, await lastMessages(client, snapshot));
  } catch (error) {
    if (isPassing(error)) await render(undefined, new Map());
    throw error;
  }
}

/** Asks for the last message of each topic with `metrics: true`, one after another, and wakes none. */
async function lastMessages(client: Client, { topics }: Status): Promise<TopicValues> {
  const values = new Map<string, { data: unknown; stale?: true }>();
  for (const { topic, metrics } of topics) {
    const last = metrics && (await client.get(topic).catch(ifGone));
    if (last) values.set(topic, last);
  }
  return values;
}

/** A reload has removed the topic, or the right to it, since the snapshot. */
function ifGone(error: unknown): undefined {
  if (error instanceof ChimedError && ['unknown-topic', 'not-allowed'].includes(error.code)) return undefined;
  throw error;
}
