/** Runs the trials in turn against what `npm run build` has made, prints a table, and fails if one did. */
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { Argument, program } from 'commander';

import { wholeNumber } from '../../src/cli/whole-number.ts';
import { Host } from './host.ts';
import { Scale } from './trial.ts';
import { fleetTrials } from './fleet-trials.ts';
import { trials as machineTrials } from './trials.ts';

const trials = [...machineTrials, ...fleetTrials];

program
  .name('npm run proof --')
  .description('Provokes what chimed survives, and prints what was seen.')
  .addArgument(
    new Argument('[trial...]', 'all, if none is named: they take under an hour').choices(
      trials.map(({ name }) => name),
    ),
  )
  .option('--short', 'the short form, in which no time is judged')
  .option('--soak-minutes <number>', 'how long soak takes', wholeNumber, 30)
  .option('--json <file>', 'writes the results there, too')
  .option('--list', 'shows what each trial is about, and runs none')
  .parse();
const names = program.args;
const options = program.opts<{ short?: true; soakMinutes: number; json?: string; list?: true }>();

if (options.list) {
  for (const { name, holds } of trials) console.log(`${name.padEnd(22)} ${holds}`);
  process.exit();
}

const chosen = names.length > 0 ? trials.filter(({ name }) => names.includes(name)) : trials;
const results = [];
for (const { name, holds, run } of chosen) {
  const began = performance.now();
  const host = new Host();
  const seconds = () => Math.round((performance.now() - began) / 1000);
  const say = (text: string) => console.error(`${name}: ${text} (${seconds()} s)`);
  say('begins');
  const scale = new Scale(!options.short, say, options.soakMinutes);
  const { seen, failures } = await run(scale).catch((error: unknown) => ({
    seen: '',
    failures: [error instanceof Error ? error.message : String(error)],
  }));
  const { stolenPercent } = host;
  results.push({ name, holds, seen, failures, seconds: seconds(), stolenPercent });
  say(failures.length === 0 ? 'holds' : `FAILS: ${failures.slice(0, 5).join('; ')}`);
}

console.log(`\n${cpus().length} × ${cpus()[0]?.model}, Linux ${release()}, Node ${process.version}\n`);
console.log('| trial | what must hold | seen | |\n| --- | --- | --- | --- |');
for (const { name, holds, seen, failures, seconds, stolenPercent } of results) {
  const verdict = failures.length === 0 ? 'holds' : `**fails**: ${failures.slice(0, 3).join('; ')}`;
  // A machine of one's own loses nothing; where much is lost, nobody can be on time.
  const lost = stolenPercent < 1 ? '' : `, while the host took ${stolenPercent.toFixed(0)} % of the CPU`;
  console.log(`| ${name} | ${holds} | ${seen} | ${verdict}, ${seconds} s${lost} |`);
}
if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
process.exitCode = results.every(({ failures }) => failures.length === 0) ? 0 : 1;
