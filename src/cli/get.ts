import { Command } from 'commander';

import type { Client } from '../client/api.ts';
import { withHelp } from './command-help.ts';
import { connectOnce, socketOption } from './connect-once.ts';
import { asAnswer } from './payload.ts';
import { printable, printableJson } from './printable.ts';

interface Options {
  socket?: string;
  json?: boolean;
}

/** `chimed get`: prints the last message of a topic, and wakes nothing. */
export function getCommand(): Command {
  const command = new Command('get')
    .description('print the last message of a topic; exits with 1 if it has none')
    .argument('<topic>', 'name of the topic')
    .option(
      '--json',
      'print one JSON object: topic, seq, time, data, and stale if the source has failed since',
    )
    .addOption(socketOption())
    .action(get);
  return withHelp(command, { examples: ['chimed get host.load', 'chimed get disk.root --json'] });
}

async function get(topic: string, { socket, json }: Options): Promise<void> {
  await using client = await connectOnce('get', socket);
  const last = await client.get(topic);
  if (!last) throw new Error(`${topic} has no message${await reasonOf(client, topic)}`);
  process.stdout.write(`${json ? printableJson(JSON.stringify(last)) : asAnswer(last.data)}\n`);
  if (last.stale && !json)
    process.stderr.write(`chimed: the source of ${topic} has failed since: the message is stale\n`);
}

/** Why a topic has no message, and what to do. */
async function reasonOf(client: Client, topic: string): Promise<string> {
  const [status] = (await client.status({ topics: [topic] })).topics;
  return status?.lastError
    ? `: it is failing: ${printable(status.lastError)}`
    : `; run chimed listen ${topic} to wait for the next one`;
}
