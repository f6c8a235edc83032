import { Command, Option } from 'commander';

import { forEachConcurrently } from '../concurrency.ts';
import type { Config, TopicConfig } from '../config/config.ts';
import { withHelp } from './command-help.ts';
import { printable } from './printable.ts';

interface Options {
  print?: boolean;
  run?: boolean;
  schema?: boolean;
}

/** How many samples are taken at a time. */
const RUNS = 4;

/** `chimed check`: says what is wrong with a configuration. Its modules are loaded; with --run, all topics are sampled. */
export function checkCommand(): Command {
  const command = new Command('check')
    .description('check a configuration and print every mistake with its line')
    .argument('[file]', 'configuration file, or - for stdin (default: the file that serve would use)')
    .option('--print', 'print the configuration with all defaults and merges filled in')
    .addOption(
      new Option(
        '--run',
        'also take one sample of each topic, as the current user; exits with 1 if one fails',
      ).conflicts('print'),
    )
    .addOption(
      new Option('--schema', 'print a JSON Schema for editors, and check nothing').conflicts([
        'print',
        'run',
      ]),
    )
    .action(check);
  return withHelp(command, {
    notes: [
      'Files conf.d/*.yaml and conf.d/*.yml beside the configuration add topics, and are checked as well.',
    ],
    examples: ['chimed check', 'chimed check ./chimed.yaml --print', 'chimed check ./chimed.yaml --run'],
  });
}

async function check(file: string | undefined, { print, run, schema }: Options): Promise<void> {
  if (schema) {
    const { jsonSchema } = await import('../config/json-schema.ts');
    process.stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
    return;
  }
  const [{ findConfig, readConfig }, { STDIN }] = await Promise.all([
    import('../config/load.ts'),
    import('../config/config-files.ts'),
  ]);
  const { config, written } = readConfig(file === '-' ? STDIN : findConfig(file));
  await (await import('../daemon/topics/topic-parts.ts')).loadModules(config);
  const [{ networkDoubt }, { fileDoubts }] = await Promise.all([
    import('./network-doubt.ts'),
    import('./file-doubts.ts'),
  ]);
  const network = await networkDoubt(config.topics);
  const doubts = [...(config.doubts ?? []), ...fileDoubts(config), network];
  for (const doubt of doubts.filter((one) => one !== undefined)) process.stderr.write(`chimed: ${doubt}\n`);
  if (print) {
    process.stdout.write(`# Relative paths start from ${config.directory}.\n`);
    process.stdout.write((await import('js-yaml')).dump(written));
    return;
  }
  if (run) await sampleAll(config);
  const count = config.topics.length === 1 ? '1 topic' : `${config.topics.length} topics`;
  process.stdout.write(`${config.file}: ${count}, no mistakes\n`);
  for (const line of await nextTimes(config)) process.stdout.write(`${line}\n`);
}

/** When the topics that go by a clock tick next, on that clock. */
async function nextTimes({ topics }: Config): Promise<string[]> {
  const { createTimetable } = await import('../daemon/schedule/timetable.ts');
  return topics.flatMap(({ name, schedule }) => {
    if (!schedule) return [];
    const next = createTimetable(schedule).after(Date.now());
    if (!Number.isFinite(next)) return [];
    const { timezone = 'UTC' } = schedule;
    // Sweden writes times as ISO 8601 does.
    const format = new Intl.DateTimeFormat('sv-SE', {
      timeZone: timezone,
      dateStyle: 'short',
      timeStyle: 'medium',
    });
    return [`  ${name}: next at ${format.format(next)} ${timezone}`];
  });
}

/**
 * Samples all topics that have a source, and says of each what came of it.
 * @throws if one has failed.
 */
async function sampleAll(config: Config): Promise<void> {
  const { sampleOnce } = await import('../daemon/topics/sample-once.ts');
  const { whyUnsampled } = await import('../sources/unsampled.ts');
  let failures = 0;
  const run = async (topic: TopicConfig): Promise<string> => {
    const why = whyUnsampled(topic.source);
    if (why) return `not sampled: ${why}`;
    const outcome = await sampleOnce(config, topic);
    if ('quiet' in outcome) return outcome.quiet;
    if ('error' in outcome) {
      failures++;
      return `FAILED after ${outcome.ms} ms: ${printable(outcome.error)}`;
    }
    return `${Buffer.byteLength(outcome.json)} bytes in ${outcome.ms} ms`;
  };
  await forEachConcurrently(config.topics, RUNS, async (topic) => {
    process.stdout.write(`${topic.name}: ${await run(topic)}\n`);
  });
  if (failures > 0) throw new Error(`${failures} of ${config.topics.length} topics failed`);
}
