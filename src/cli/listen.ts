import { Command, InvalidArgumentError } from 'commander';

import type { Client, Message } from '../client/api.ts';
import type { State } from '../client/connection-state.ts';
import { formats, parseDuration } from '../config/formats.ts';
import { ChimedError } from '../errors.ts';
import { silent } from '../log.ts';
import { isWildcard } from '../protocol/names.ts';
import { withHelp } from './command-help.ts';
import { socketOption, socketToUse } from './connect-once.ts';
import { hurryOutput, outputEnd, print } from './standard-output.ts';
import { colorsFor } from './colors.ts';
import type { Colors } from './colors.ts';
import { asText } from './payload.ts';
import { printable, printableJson } from './printable.ts';
import { wholeNumber } from './whole-number.ts';

interface Options {
  socket?: string;
  raw?: boolean;
  json?: boolean;
  count?: number;
  for?: number;
}

const NEW_NUMBERING = 'the daemon began a new numbering: some messages may be lost, the number is unknown';

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
      duration,
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
  client.on('failing', ({ topic, error }) =>
    note(`${topic} is failing: ${printable(error)}; its last message is stale`),
  );
  client.on('recovered', ({ topic }) => note(`${topic} has recovered`));
  let unreached: ChimedError | undefined = new ChimedError('timeout', 'no daemon answered in time');
  let overdue = false;
  client.on('state', (state) => {
    if (state.status === 'ready') unreached = undefined;
    if (state.status !== 'waiting' || !unreached) return;
    unreached = state.error;
    if (state.error.code !== 'not-permitted') return;
    overdue = true; // To wait would not help.
    void client.close();
  });
  client.on('state', reporter(client, patterns));
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
  if (!overdue) return;
  if (unreached) throw unreached;
  if (heard === 0) throw new Error('no message arrived within the time of --for');
}

/** Says on stderr what becomes of the connection. */
function reporter(client: Client, patterns: string[]): (state: State) => void {
  let waiting = false;
  let known = false;
  return (state) => {
    if (client.state.status === 'closed') return;
    if (state.status === 'waiting' && !waiting) {
      waiting = true;
      note(`${state.error.message}; retrying`);
    } else if (state.status === 'ready') {
      if (known) note(`connected again${state.resumed ? '' : `; ${NEW_NUMBERING}`}`);
      else if (waiting) note('connected');
      waiting = false;
      known = true;
      // A topic that does not exist is an error; a pattern may match after the next reload.
      if (client.topics.length === 0 && patterns.every(isWildcard))
        note(`no topic matches ${patterns.join(' ')} yet`);
    }
  };
}

function note(text: string): void {
  process.stderr.write(`chimed: ${text}\n`);
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

function duration(text: string): number {
  const { check, expected } = formats.duration;
  if (!check(text)) throw new InvalidArgumentError(`It must be ${expected}.`);
  return parseDuration(text);
}
