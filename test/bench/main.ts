/**
 * chimed beside what people would use instead, on the same work. No result fails the run. Only ratios within one run mean
 * something.
 */
import { writeFileSync } from 'node:fs';
import { Argument, InvalidArgumentError, Option, program } from 'commander';

import { wholeNumber } from '../../src/cli/whole-number.ts';
import type { Entrant } from './entrant.ts';
import { missingPackages } from './needs.ts';
import { canPin, conditions } from './conditions.ts';
import { progress } from './progress.ts';
import { inRounds } from './rounds.ts';
import type { Row } from './rounds.ts';
import { systems } from './systems/all.ts';
import { table } from './table.ts';
import { works } from './works/all.ts';
import type { Work } from './works/work.ts';

const names = systems.map(({ name }) => name);

program
  .name('npm run bench --')
  .description('Measures chimed beside what one would use instead, and prints medians and ratios.')
  .addArgument(
    new Argument('[work...]', 'what is measured; all, if none is named').choices(
      works.map(({ letter }) => letter),
    ),
  )
  .option('--rounds <number>', 'rounds, of whose figures the medians are printed', wholeNumber, 3)
  .addOption(
    new Option('--systems <name,...>', `of ${names.join(', ')}; (e), (h), (i) and (j) have their own`)
      .argParser(systemNames)
      .default(names, 'all that are here'),
  )
  .option('--pin', '(a) to (g): server and publisher on one core, clients on another; else on all cores')
  .option('--warm-up <seconds>', 'time from the last registration to the first figure', wholeNumber, 1)
  .option('--json <file>', 'writes the figures there, too')
  .option('--list', 'shows the works and the systems, and measures nothing')
  .parse();
const letters = program.args;
const options = program.opts<{
  rounds: number;
  systems: string[];
  pin?: true;
  warmUp: number;
  json?: string;
  list?: true;
}>();
conditions.pinned = options.pin === true;
conditions.warmUpSeconds = options.warmUp;
if (conditions.pinned && !canPin()) program.error('--pin needs two cores and taskset (util-linux).');

const chosen = works.filter(({ letter }) => letters.length === 0 || letters.includes(letter));
const missing = new Set(chosen.flatMap(entrants).flatMap(({ needs }) => missingPackages(needs)));

if (options.list) {
  for (const work of chosen) {
    console.log(`${work.letter}  ${work.title}`);
    if (work.systems) console.log(`   ${listed(work.systems)}`);
  }
  console.log(`\nThe others are done by: ${listed(systems)}`);
} else {
  await bench();
}
if (missing.size > 0) {
  const packages = [...missing].join(' ');
  console.error(`Not on this machine: ${packages}. To have them measured: apt-get install ${packages}`);
}

async function bench(): Promise<void> {
  const results: Record<string, Row[]> = {};
  for (const work of chosen) {
    results[work.letter] = await inRounds(work, entrants(work).filter(isHere), options.rounds, progress);
    progress('');
    console.log(table(work, results[work.letter]!));
    // After each work, so that a run that is stopped has not been for nothing.
    if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
  }
}

/** Everything that is asked to do a work, whether or not it is on this machine. */
function entrants(work: Work<Entrant>): readonly Entrant[] {
  return work.systems ?? systems.filter(({ name }) => options.systems.includes(name));
}

function isHere({ needs }: Entrant): boolean {
  return missingPackages(needs).length === 0;
}

function listed(some: readonly Entrant[]): string {
  return some.map((entrant) => entrant.name + (isHere(entrant) ? '' : ' (missing)')).join(', ');
}

/** @throws {InvalidArgumentError} if one of them is not known. */
function systemNames(text: string): string[] {
  const asked = text.split(',');
  const unknown = asked.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new InvalidArgumentError(`There is no ${unknown.join(', ')}.`);
  return asked;
}
