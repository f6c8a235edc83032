/**
 * The clients of all languages, beside those of Redis in the same languages. No result fails the run. Only ratios within one
 * run mean something.
 */
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { Argument, program } from 'commander';

import { wholeNumber } from '../../src/cli/whole-number.ts';
import type { Entrant } from './entrant.ts';
import { missingPackages } from './needs.ts';
import { progress } from './progress.ts';
import { inRounds } from './rounds.ts';
import type { Row } from './rounds.ts';
import { subscribers } from './subscribers/all.ts';
import { table } from './table.ts';
import { clientThroughput } from './works/k-client-throughput.ts';
import { slowClient } from './works/l-slow-client.ts';
import type { Work } from './works/work.ts';

program
  .name('npm run bench:clients --')
  .description('Measures clients of chimed beside those of Redis in the same language, and prints medians.')
  .addArgument(
    new Argument('[work...]', 'k: messages per second, l: memory of a slow program (default: both)').choices([
      'k',
      'l',
    ]),
  )
  .option('--rounds <number>', 'rounds, of whose figures the medians are printed', wholeNumber, 3)
  .option('--languages <name,...>', 'such as C,Python (default: all that are here)')
  .option('--messages <number>', '(k): messages that are sent', wholeNumber, 200_000)
  .option('--seconds <number>', '(l): how long messages are sent', wholeNumber, 10)
  .option('--json <file>', 'writes the figures there, too')
  .parse();
const options = program.opts<{
  rounds: number;
  languages?: string;
  messages: number;
  seconds: number;
  json?: string;
}>();

const asked = options.languages?.split(',');
const chosen = subscribers.filter(({ language }) => asked?.includes(language) ?? true);
if (chosen.length === 0) program.error(`There is no ${options.languages}.`);
const here = chosen.filter(({ needs }) => missingPackages(needs).length === 0);
for (const { name, build } of here) {
  progress(`builds ${name}`);
  build();
}
const results: Record<string, Row[]> = {};
await bench(clientThroughput(here, options.messages));
await bench(slowClient(here, options.seconds));

const missing = new Set(chosen.flatMap(({ needs }) => missingPackages(needs)));
if (missing.size > 0) {
  const packages = [...missing].join(' ');
  console.error(`Not on this machine: ${packages}. To have them measured: apt-get install ${packages}`);
}

async function bench<Doer extends Entrant>(work: Work<Doer>): Promise<void> {
  if (program.args.length > 0 && !program.args.includes(work.letter)) return;
  const began = `${new Date().toISOString()}, load ${loadavg()[0]!.toFixed(1)}`;
  const rows = await inRounds(work as Work<Entrant>, work.systems!, options.rounds, progress);
  progress('');
  console.log(`${began} to ${loadavg()[0]!.toFixed(1)}\n\n${table(work as Work<Entrant>, rows)}`);
  results[work.letter] = rows;
  if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
}
