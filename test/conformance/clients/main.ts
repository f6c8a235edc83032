/** Tries a client against the rules of docs/wire.md, and prints what it does and what it does not. */
import { writeFileSync } from 'node:fs';
import { program } from 'commander';

import { wholeNumber } from '../../../src/cli/whole-number.ts';
import { messageOf } from '../../../src/errors.ts';
import { clientCases } from './cases/all.ts';
import { Verdicts, chosenCases, rulesOf } from '../verdicts.ts';
import { helloOf, runCases } from './run.ts';

program
  .name('npm run conformance --')
  .description('Tries a client of any language against the rules of docs/wire.md.')
  .option('--client <command>', 'starts the adapter of the client (docs/conformance.md); run by sh')
  .option('--case <text>', 'runs only cases whose name or subject contains this text')
  .option('--rule <number>', 'runs only cases of this rule', wholeNumber)
  .option('--at-once <number>', 'how many cases run at the same time', wholeNumber, 4)
  .option('--seconds <number>', 'the most that a case can take', wholeNumber)
  .option('--known-failures <file>', 'names of cases, one per line, that are expected to fail')
  .option('--json <file>', 'writes the results there, too')
  .option('--list', 'lists the cases with their rules, and runs none')
  .parse();
const options = program.opts<{
  client?: string;
  case?: string;
  rule?: number;
  atOnce: number;
  seconds?: number;
  knownFailures?: string;
  json?: string;
  list?: true;
}>();

const chosen = chosenCases(clientCases, options);
if (chosen.length === 0) program.error('error: no case matches --case and --rule; --list shows all');
if (options.list) {
  for (const { name, rules } of chosen) console.log(`${name} (${rulesOf(rules)})`);
  process.exit();
}

const command = options.client;
if (command === undefined)
  program.error("error: no --client; for example --client 'python3 -m chimed.conformance'");

const { client, features } = await helloOf(command).catch((error: unknown) =>
  program.error(messageOf(error)),
);
console.log(`${client}: ${features.join(', ')}\n`);
const verdicts = new Verdicts(options.knownFailures);
const results = await runCases(command, chosen, {
  features,
  atOnce: options.atOnce,
  seconds: options.seconds,
  onResult({ name, rules, outcome, why = '', transcript = '' }) {
    verdicts.show({ name, demand: rulesOf(rules), outcome, details: `${why}\n${transcript}` });
  },
});
if (options.json) writeFileSync(options.json, `${JSON.stringify({ client, results }, null, 2)}\n`);
console.log(`\n${client}: ${verdicts}`);
process.exitCode = verdicts.areRight ? 0 : 1;
