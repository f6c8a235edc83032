import { userInfo } from 'node:os';
import { Command } from 'commander';

import { ChimedError } from '../errors.ts';
import { withHelp } from './command-help.ts';
import { connectOnce, socketOption } from './connect-once.ts';
import { asAnswer } from './payload.ts';

/** Longest that the daemon may take: `timeout` is a day at most, and somebody waits. */
const PATIENCE_MS = 24 * 3_600_000;

interface Options {
  socket?: string;
  config?: string;
}

interface Taken {
  data: unknown;
  bytes: number;
  ms: number;
  /** Who has taken it. */
  by: string;
}

/** `chimed sample`: takes one sample of a topic now, and sends it to nobody. */
export function sampleCommand(): Command {
  const command = new Command('sample')
    .description('take one sample of a topic now and print it; subscribers do not receive it')
    .argument('<topic>', 'name of the topic')
    .option(
      '-c, --config <file>',
      'take the sample in this process, with this configuration, as the current user',
    )
    .addOption(socketOption())
    .action(sample);
  return withHelp(command, {
    notes: [
      'The daemon takes the sample, as its user and in its sandbox. Only root and that user can ask it to. If no daemon runs, this process takes the sample.',
    ],
    examples: ['sudo chimed sample disk.root', 'chimed sample disk.root --config ./chimed.yaml'],
  });
}

async function sample(topic: string, { socket, config }: Options): Promise<void> {
  const taken = config === undefined ? await bySomebody(topic, socket) : await here(topic, config);
  process.stdout.write(`${asAnswer(taken.data)}\n`);
  process.stderr.write(`${topic}: ${taken.bytes} bytes in ${taken.ms} ms, taken by ${taken.by}\n`);
}

async function bySomebody(topic: string, socket: string | undefined): Promise<Taken> {
  let isThere = false;
  try {
    await using client = await connectOnce('sample', socket, { timeoutMs: PATIENCE_MS });
    const { pid } = await client.status({ topics: [] });
    isThere = true;
    return { ...(await client.sample(topic)), by: `the daemon, pid ${pid}` };
  } catch (error) {
    if (!(error instanceof ChimedError)) throw error;
    if (error.code === 'source-failed') throw new Error(`${topic}: ${error.message}`, { cause: error });
    if (error.code === 'not-allowed') {
      const message = `${error.message}; use --config FILE to take the sample as yourself`;
      throw new ChimedError('not-allowed', message, { cause: error });
    }
    if (error.code !== 'no-daemon' || isThere || socket !== undefined) throw error;
    return await here(topic);
  }
}

async function here(topic: string, file?: string): Promise<Taken> {
  const [{ findConfig, loadConfig }, { sampleOnce }] = await Promise.all([
    import('../config/load.ts'),
    import('../daemon/topics/sample-once.ts'),
  ]);
  const config = loadConfig(findConfig(file));
  const found = config.topics.find(({ name }) => name === topic);
  if (!found) throw new ChimedError('unknown-topic', `there is no topic ${topic} in ${config.file}`);
  const result = await sampleOnce(config, found);
  if ('error' in result) throw new Error(`${topic}: ${result.error}`);
  if ('quiet' in result)
    throw new Error(`${topic}: ${result.quiet}; it sends whenever there is something new`);
  const { json, ms } = result;
  const data: unknown = JSON.parse(json);
  return { data, bytes: Buffer.byteLength(json), ms, by: `this process, as ${userInfo().username}` };
}
