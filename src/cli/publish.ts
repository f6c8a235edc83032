import { Command, Option } from 'commander';

import type { Client } from '../client/api.ts';
import { ChimedError, messageOf } from '../errors.ts';
import { parseOutput } from '../sources/output.ts';
import { withHelp } from './command-help.ts';
import { connectOnce, socketOption } from './connect-once.ts';
import { inputLines, readInput } from './input.ts';

interface Options {
  socket?: string;
  json?: boolean;
  text?: boolean;
  lines?: boolean;
  clear?: boolean;
}

/** Publications of `--lines` that may be under way at a time, and their characters: enough to never wait for one answer. */
const UNDER_WAY = 500;
const UNDER_WAY_CHARACTERS = 1024 * 1024;
/** How long the daemon may take for them: it reads only so many bytes a second. */
const PATIENCE_MS = 60_000;

/** `chimed publish`: sends messages to a topic that takes them. */
export function publishCommand(): Command {
  const command = new Command('publish')
    .description('publish a message to a topic that has publish: true')
    .argument('<topic>', 'name of the topic')
    .argument('[data]', 'JSON if it parses, otherwise text; without data, or with -, reads stdin')
    .addOption(new Option('--json', 'the data must be JSON').conflicts('text'))
    .option('--text', 'the data is text, even if it looks like JSON')
    .option('--lines', 'publish each line on stdin as a message, over one connection')
    .addOption(
      new Option(
        '--clear',
        'withdraw the last publication: new subscribers get nothing before the next message',
      ).conflicts(['json', 'text', 'lines']),
    )
    .addOption(socketOption())
    .action(publish);
  return withHelp(command, {
    examples: [
      `chimed publish price '{"eur": 12.5}'`,
      'chimed publish note --text "12.50"',
      'date | chimed publish note',
      'tail -F /var/log/syslog | chimed publish syslog --lines --text',
      'chimed publish note --clear',
    ],
  });
}

async function publish(topic: string, data: string | undefined, options: Options): Promise<void> {
  if (data !== undefined && (options.lines || options.clear))
    throw new ChimedError(
      'bad-request',
      `${options.lines ? '--lines reads the data from stdin' : '--clear takes no data'}; leave out ${JSON.stringify(data)}`,
    );
  if (options.lines) return await publishLines(topic, options);
  if (options.clear) return await clear(topic, options);
  const input = data === undefined || data === '-' ? await readInput() : data;
  const payload = parse(input, options, 'the data');
  await using client = await connectOnce('publish', options.socket);
  const { seq } = await client.publish(topic, payload);
  process.stderr.write(`published ${topic} #${seq}\n`);
}

async function clear(topic: string, { socket }: Options): Promise<void> {
  await using client = await connectOnce('publish', socket);
  await client.clear(topic);
  process.stderr.write(`cleared ${topic}\n`);
}

async function publishLines(topic: string, options: Options): Promise<void> {
  await using client = await connectOnce('publish', options.socket, { timeoutMs: PATIENCE_MS });
  const published = await sendLines(topic, options, client);
  const last = published.count > 0 ? `, the last is #${published.last}` : '';
  process.stderr.write(`published ${published.count} messages to ${topic}${last}\n`);
}

/** Sends the lines one behind the other, without waiting for each answer. The first that fails ends it. */
async function sendLines(
  topic: string,
  options: Options,
  client: Client,
): Promise<{ count: number; last: number }> {
  const underWay = new Set<Promise<void>>();
  const failed = Promise.withResolvers<never>(); // With a Failure.
  failed.promise.catch(() => {}); // It is waited for below.
  const result = { count: 0, last: 0 };
  const waiting = { characters: 0 };
  let number = 0;
  const send = async (line: string, at: number): Promise<void> => {
    waiting.characters += line.length;
    try {
      const { seq } = await client.publish(topic, parse(line, options, 'it'));
      result.count++;
      result.last = seq;
    } catch (error) {
      failed.reject({ at, error });
    }
    waiting.characters -= line.length;
  };
  const lines = inputLines();
  try {
    for (;;) {
      // A failure is told at once, though the next line may be long in coming.
      const { value: line, done } = await Promise.race([lines.next(), failed.promise]);
      if (done) break;
      const sending: Promise<void> = send(line, ++number).then(() => void underWay.delete(sending));
      underWay.add(sending);
      while (underWay.size >= UNDER_WAY || (waiting.characters > UNDER_WAY_CHARACTERS && underWay.size > 1))
        await Promise.race([...underWay, failed.promise]);
    }
    await Promise.race([Promise.all(underWay), failed.promise]);
    return result;
  } catch (failure) {
    await Promise.all(underWay);
    if (failure instanceof Error) throw failure; // The input itself: it names the line.
    throw failureAt(failure as Failure, result.count);
  }
}

interface Failure {
  /** Number of the line. */
  at: number;
  error: unknown;
}

/** Whoever goes on by hand must know what is done. */
function failureAt({ at, error }: Failure, published: number): Error {
  const message = `line ${at}: ${messageOf(error)}; ${published} messages were published`;
  return error instanceof ChimedError
    ? new ChimedError(error.code, message, { cause: error })
    : new Error(message, { cause: error });
}

function parse(text: string, { json, text: isText }: Options, what: string): unknown {
  const format = json ? 'json' : isText ? 'text' : 'auto';
  try {
    return parseOutput(text, format);
  } catch (error) {
    const message = messageOf(error).replace(/^it /, `${what} `);
    throw new ChimedError('bad-request', message, { cause: error });
  }
}
