import { setTimeout as wait } from 'node:timers/promises';
import { Command } from 'commander';

import type { Status } from '../protocol/status.ts';
import { connectOnce, socketOption } from './connection.ts';
import { hurryOutput, outputEnd, print } from './output.ts';
import { createPainter } from './painter.ts';
import { renderStatus } from './status-page.ts';

interface Options {
  socket?: string;
  json?: boolean;
  watch?: boolean;
}

const WATCH_MS = 1000;
const CLEAR_SCREEN = '\x1b[2J\x1b[H';

/** `chimed status`: shows the daemon, its clients and its topics. */
export function statusCommand(): Command {
  return new Command('status')
    .description('show the daemon, its clients and its topics')
    .argument('[pattern...]', 'topics to show, or patterns such as "host.>" (default: all)')
    .option('--json', 'print the snapshot as JSON; with --watch one line for each')
    .option('-w, --watch', 'show it again every second, until interrupted')
    .addOption(socketOption())
    .addHelpText(
      'after',
      '\nExamples:\n  chimed status\n  chimed status "host.>"\n  chimed status --watch\n  chimed status --json | jq .topics',
    )
    .action(status);
}

async function status(patterns: string[], { socket, json, watch }: Options): Promise<void> {
  const topics = patterns.length > 0 ? { topics: patterns } : {};
  await using client = await connectOnce('status', socket);
  const interrupted = new AbortController();
  if (watch) process.once('SIGINT', () => interrupted.abort()).once('SIGINT', hurryOutput);
  const stopped = AbortSignal.any([interrupted.signal, outputEnd]);
  const paint = createPainter(process.stdout);
  const show = (snapshot: Status): Promise<void> =>
    print(
      json
        ? `${JSON.stringify(snapshot, null, watch ? 0 : 2)}\n`
        : (watch && process.stdout.isTTY ? CLEAR_SCREEN : '') + renderStatus(snapshot, paint),
    );
  await show(await client.status(topics));
  if (!watch) return;
  while (!stopped.aborted) {
    await wait(WATCH_MS, undefined, { signal: stopped }).catch(() => {}); // Interrupted: done.
    if (!stopped.aborted) await show(await client.status(topics));
  }
}
