import { Command, InvalidArgumentError, Option } from 'commander';

import { formats, parseDuration } from '../config/formats.ts';
import { withHelp } from './command-help.ts';
import { socketOption, socketToUse } from './connect-once.ts';
import { topicSortKeys } from './top/listing.ts';
import type { TopicSort } from './top/listing.ts';

interface Options {
  socket?: string;
  interval: number;
  once?: boolean;
  sort?: TopicSort;
  color: boolean;
}

const SHORTEST_MS = 100;
const LONGEST_MS = 3_600_000;

/** `chimed top`: shows topics and clients on the whole screen, and how they change. */
export function topCommand(): Command {
  const command = new Command('top')
    .description('show topics and clients on the full screen, with rates, values and trends')
    .argument('[pattern...]', 'topics to show, or patterns such as "host.>" (default: all)')
    .addOption(
      new Option('-i, --interval <duration>', 'time between refreshes, from 100ms to 1h')
        .argParser(interval)
        .default(1000, '1s'),
    )
    .option('--once', 'print one frame after one interval, and exit; also works in a pipe')
    .addOption(new Option('--sort <key>', 'sort topics by this, largest first').choices(topicSortKeys))
    .option('--no-color', 'use no colours, as with $NO_COLOR')
    .addOption(socketOption())
    .action(top);
  return withHelp(command, {
    notes: [
      'chimed top subscribes to the topics that it shows: topics that nobody else listens to wake up, and their sources are sampled, until it exits. Name only the topics that you need. chimed status --watch wakes nothing.',
      'Topics that this user may not hear are not shown. A trend has one bar per refresh in which a message arrived, for the first number in the payload; Enter shows all numbers. A rate is taken over the last ten refreshes.',
      'Press ? for the keys, q to quit.',
    ],
    examples: [
      'chimed top',
      'chimed top "host.>" --sort late',
      'chimed top --once --interval 5s > report.txt',
    ],
  });
}

async function top(
  patterns: string[],
  { socket, interval: intervalMs, once, sort, color }: Options,
  command: Command,
): Promise<void> {
  const { printTop, watchTop } = await import('./top.ts');
  const options = { ...(await socketToUse(socket)), intervalMs, ...(sort && { sort }), color };
  if (once) return printTop(patterns, options);
  if (!process.stdout.isTTY || process.env['TERM'] === 'dumb')
    command.error(
      'error: chimed top needs a terminal that it can draw on. Use --once, or chimed status --watch.',
    );
  return watchTop(patterns, options);
}

function interval(text: string): number {
  const { check } = formats.duration;
  const milliseconds = check(text) ? parseDuration(text) : 0;
  if (milliseconds < SHORTEST_MS || milliseconds > LONGEST_MS)
    throw new InvalidArgumentError('It must be a duration from 100ms to 1h, such as 500ms or 2s.');
  return milliseconds;
}
