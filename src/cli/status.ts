import { setTimeout as wait } from 'node:timers/promises';
import { Command, Option } from 'commander';

import { ChimedError } from '../errors.ts';
import type { Status } from '../protocol/status-snapshot.ts';
import { withHelp } from './command-help.ts';
import { connectOnce, socketOption } from './connect-once.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { hurryOutput, outputEnd, print } from './standard-output.ts';
import { colorsFor } from './colors.ts';
import { printable, printableJson } from './printable.ts';
import { renderStatus, sortKeys, sortTopics } from './status-page.ts';
import type { SortKey } from './status-page.ts';

interface Options {
  socket?: string;
  json?: boolean;
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
    .option('-w, --watch', 'refresh every second, until interrupted')
    .addOption(new Option('--sort <key>', 'sort topics by this, largest first').choices(sortKeys))
    .addOption(socketOption())
    .action(status);
  return withHelp(command, {
    examples: [
      'chimed status',
      'chimed status "host.>"',
      'chimed status --watch --sort late',
      'chimed status --json | jq .topics',
    ],
  });
}

async function status(patterns: string[], { socket, json, watch, sort }: Options): Promise<void> {
  const asked = { ...(patterns.length > 0 && { topics: patterns }), ...(json && { allClients: true }) };
  const interrupted = new AbortController();
  if (watch) process.once('SIGINT', () => interrupted.abort()).once('SIGINT', hurryOutput);
  const stopped = AbortSignal.any([interrupted.signal, outputEnd]);
  const paint = colorsFor(process.stdout);
  const show = (snapshot: Status): Promise<void> => {
    if (sort) snapshot.topics = sortTopics(snapshot.topics, sort);
    if (json) return print(`${printableJson(JSON.stringify(snapshot, null, watch ? 0 : 2))}\n`);
    const { isTTY, columns } = process.stdout;
    const page = renderStatus(snapshot, paint, isTTY ? columns : Infinity);
    return print((watch && isTTY ? CLEAR_SCREEN : '') + page);
  };
  let client = await connectOnce('status', socket);
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

/** The daemon may be there again in a moment, as after a restart. */
function isPassing(error: unknown): error is ChimedError {
  return error instanceof ChimedError && exitCodeOf(error) === exitCodes.noDaemon;
}
