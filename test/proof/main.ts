/**
 * npm run proof [-- NAME…] [--list] [--short] [--json FILE] [--soak-minutes N]: runs the trials in turn against
 * what `npm run build` has made, prints a table, and fails if one did.
 */
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';

import { Host } from './host.ts';
import { Scale } from './trial.ts';
import { trials } from './trials.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: 'boolean' },
    short: { type: 'boolean' },
    json: { type: 'string' },
    'soak-minutes': { type: 'string', default: '30' },
  },
});

if (values.list) {
  for (const { name, holds } of trials) console.log(`${name.padEnd(22)} ${holds}`);
  process.exit();
}
const unknown = positionals.filter((name) => !trials.some((trial) => trial.name === name));
if (unknown.length > 0) {
  console.error(
    `there is no trial ${unknown.join(', ')}; there is ${trials.map(({ name }) => name).join(', ')}`,
  );
  process.exit(64);
}

const chosen = positionals.length > 0 ? trials.filter(({ name }) => positionals.includes(name)) : trials;
const results = [];
for (const { name, holds, run } of chosen) {
  const began = performance.now();
  const host = new Host();
  const seconds = () => Math.round((performance.now() - began) / 1000);
  const say = (text: string) => console.error(`${name}: ${text} (${seconds()} s)`);
  say('begins');
  const scale = new Scale(!values.short, say, Number(values['soak-minutes']));
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
if (values.json) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
process.exitCode = results.every(({ failures }) => failures.length === 0) ? 0 : 1;
