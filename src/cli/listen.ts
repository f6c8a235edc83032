import { Command } from 'commander';

import type { Message } from '../client/api.ts';
import { silent } from '../log.ts';
import { withHelp } from './command-help.ts';
import { socketOption, socketToUse } from './connect-once.ts';
import { durationArgument } from './duration-argument.ts';
import { note } from './note.ts';
import { hurryOutput, outputEnd, print } from './standard-output.ts';
import { colorsFor } from './colors.ts';
import type { Colors } from './colors.ts';
import { asText } from './payload.ts';
import { printable, printableJson } from './printable.ts';
import { reportStanding } from './standing-report.ts';
import { wholeNumber } from './whole-number.ts';

interface Options {
  socket?: string;
  raw?: boolean;
  json?: boolean;
  count?: number;
  for?: number;
}

type Format = (message: Message) => string;

/** `chimed listen`: prints the messages of topics as they come. */
export function listenCommand(): Command {
  const command = new Command('listen')
    .description('print the messages of topics as they arrive')
    .argument('<pattern...>', 'topics or quoted patterns: * matches one word, > at the end the rest')
    .option('--raw', 'print only the data: text unchanged, anything else as JSON')
    .option('--json', 'print one JSON object per line: topic, seq, time, data, missed')
    .option('-n, --count <number>', 'exit after this many messages', wholeNumber)
    .option(
      '--for <duration>',
      'exit after this time, such as 10s; exits with 1 if no message arrived',
      durationArgument,
    )
    .addOption(socketOption())
    .action(listen);
  return withHelp(command, {
    examples: [
      'chimed listen message',
      "chimed listen 'host.>' --json",
      'chimed listen host.load --raw --count 1',
    ],
  });
}

async function listen(patterns: string[], options: Options): Promise<void> {
  const { connect } = await import('../client/client.ts');
  await using client = connect({
    name: 'chimed listen',
    logger: silent, // We say it ourselves.
    ...(await socketToUse(options.socket)),
  });
  const standing = reportStanding(client, patterns);
  let overdue = false;
  const timeUp = (): void => {
    overdue = true;
    void client.close();
  };
  const timer = options.for === undefined ? undefined : setTimeout(timeUp, options.for);
  const stop = (): void => void client.close();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop).once(signal, hurryOutput);
  outputEnd.addEventListener('abort', stop);
  const format = chooseFormat(options, colorsFor(process.stdout));
  let heard = 0;
  for await (const message of client.listen(patterns)) {
    if (message.missed > 0) note(`missed ${message.missed} of ${message.topic} before #${message.seq}`);
    await print(`${format(message)}\n`); // Who does not read holds up the loop, whose buffer is bounded.
    if (++heard === options.count) break;
  }
  clearTimeout(timer);
  if (!overdue && !standing.isRefused) return;
  if (standing.unreached) throw standing.unreached;
  if (heard === 0) throw new Error('no message arrived within the time of --for');
}

function chooseFormat({ raw, json }: Options, paint: Colors): Format {
  if (json)
    return ({ topic, seq, time, data, missed, stale }) =>
      printableJson(JSON.stringify({ topic, seq, time, data, missed, stale }));
  if (raw) return ({ data }) => asText(data);
  return ({ topic, seq, time, data, stale }) =>
    `${paint.dim(clock(time))} ${paint.name(topic)} ${paint.dim(`#${seq}${stale ? ' stale' : ''}`)} ${printable(asText(data))}`;
}

function clock(time: number): string {
  const date = new Date(time);
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
