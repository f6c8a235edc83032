import { text } from 'node:stream/consumers';
import { Command } from 'commander';

import { ChimedError } from '../errors.ts';
import { LARGEST_PAYLOAD_BYTES } from '../protocol/limits.ts';
import { jsonOrText } from '../sources/text.ts';
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
  const input = data === undefined || data === '-' ? await text(bounded(process.stdin)) : data;
  await using client = await connectOnce('publish', socket);
  const { seq } = await client.publish(topic, jsonOrText(input));
  process.stderr.write(`published ${topic} #${seq}\n`);
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
