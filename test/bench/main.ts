/**
 * chimed beside what people would use instead, on the same work. It judges nothing; only ratios within one run mean
 * something. Usage: npm run bench -- [a b …] [--rounds 3] [--systems net,chimed] [--json FILE] [--list]
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { inRounds } from './rounds.ts';
import type { Row } from './rounds.ts';
import { isHere, systems } from './systems/all.ts';
import { table } from './table.ts';
import { works } from './works/all.ts';

const { values: options, positionals: letters } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    systems: { type: 'string' },
    json: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});
const unknown = letters.filter((letter) => !works.some((work) => work.letter === letter));
if (unknown.length > 0) throw new Error(`there is no work ${unknown.join(', ')}; --list shows them`);

const wanted = systems.filter(({ name }) => options.systems?.split(',').includes(name) ?? true);
const here = wanted.filter(isHere);
const missing = wanted.filter((system) => !here.includes(system));

if (options.list) {
  for (const { letter, title } of works) console.log(`${letter}  ${title}`);
  console.log(
    `\n${systems.map((system) => system.name + (here.includes(system) ? '' : ' (missing)')).join(', ')}`,
  );
} else {
  await bench();
}
if (missing.length > 0) {
  const packages = missing.map(({ needs }) => needs!.package).join(' ');
  console.error(`Not on this machine: ${packages}. To have them measured: apt-get install ${packages}`);
}

async function bench(): Promise<void> {
  const results: Record<string, Row[]> = {};
  for (const work of works) {
    if (letters.length > 0 && !letters.includes(work.letter)) continue;
    results[work.letter] = await inRounds(work, here, Number(options.rounds), progress);
    progress('');
    console.log(table(work, results[work.letter]!));
    // After each work, so that a run that is stopped has not been for nothing.
    if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
  }
}

/** One line that is written over on a terminal; elsewhere, a line each. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text !== '') process.stderr.write(`${text}\n`);
}
