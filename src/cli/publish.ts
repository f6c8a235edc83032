import { buffer } from 'node:stream/consumers';
import { Command } from 'commander';

import { ChimedError, messageOf } from '../errors.ts';
import { LARGEST_PAYLOAD_BYTES } from '../protocol/limits.ts';
import { jsonOrText } from '../sources/output.ts';
import { decodeUtf8 } from '../text.ts';
import { connectOnce, socketOption } from './connection.ts';

interface Options {
  socket?: string;
}

/** `chimed publish`: sends one message to a topic that takes them. */
export function publishCommand(): Command {
  return new Command('publish')
    .description('publish a message to a topic that has publish: true')
    .argument('<topic>', 'name of the topic')
    .argument('[data]', 'JSON if it parses, else text; - or nothing reads it from stdin')
    .addOption(socketOption())
    .addHelpText(
      'after',
      `
Examples:
  chimed publish price '{"eur": 12.5}'
  chimed publish note "the build is green"
  date | chimed publish note`,
    )
    .action(publish);
}

async function publish(topic: string, data: string | undefined, { socket }: Options): Promise<void> {
  const input = data === undefined || data === '-' ? await readInput() : data;
  await using client = await connectOnce('publish', socket);
  const { seq } = await client.publish(topic, jsonOrText(input));
  process.stderr.write(`published ${topic} #${seq}\n`);
}

async function readInput(): Promise<string> {
  try {
    return decodeUtf8(await buffer(bounded(process.stdin)));
  } catch (error) {
    if (error instanceof ChimedError) throw error;
    throw new ChimedError('bad-request', `the data on stdin cannot be sent: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** What no client could hear is not read to its end, which may never come. */
async function* bounded(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > LARGEST_PAYLOAD_BYTES)
      throw new ChimedError('too-large', 'the data on stdin is larger than 64 MiB; publish less at a time');
    yield chunk;
  }
}
