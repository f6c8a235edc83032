/** Tries a client against the rules of docs/wire.md, and prints what it does and what it does not. */
import { writeFileSync } from 'node:fs';
import { program } from 'commander';

import { wholeNumber } from '../../../src/cli/whole-number.ts';
import { messageOf } from '../../../src/errors.ts';
import { clientCases } from './cases/all.ts';
import { knownFailures } from '../known-failures.ts';
import { helloOf, runCases } from './run.ts';
import type { Outcome, Result } from './run.ts';

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

const text = options.case?.toLowerCase() ?? '';
const chosen = Object.entries(clientCases).flatMap(([subject, cases]) =>
  cases.filter(
    ({ name, rules }) =>
      (subject.includes(text) || name.toLowerCase().includes(text)) &&
      (options.rule === undefined || rules.includes(options.rule)),
  ),
);
const rulesOf = (rules: readonly number[]): string =>
  `(${rules.length > 1 ? 'rules' : 'rule'} ${rules.join(', ')})`;

if (chosen.length === 0) program.error('error: no case matches --case and --rule; --list shows all');
if (options.list) {
  for (const { name, rules } of chosen) console.log(`${name} ${rulesOf(rules)}`);
  process.exit();
}

const command = options.client;
if (command === undefined)
  program.error("error: no --client; for example --client 'python3 -m chimed.conformance'");

const { knownFailures: file } = options;
const known = file === undefined ? new Set<string>() : knownFailures(file);

/** A result, and whether it is what is expected. */
function judged({ name, outcome }: Result): { isRight: boolean; word: string } {
  if (!known.has(name)) return { isRight: outcome !== 'failed', word: outcome };
  if (outcome === 'failed') return { isRight: true, word: 'failed, as known' };
  return { isRight: false, word: `${outcome}, though ${file} says that it fails` };
}

function show(result: Result): void {
  const { isRight, word } = judged(result);
  console.log(`${isRight ? '  ' : '! '}${word.padEnd(14)} ${result.name} ${rulesOf(result.rules)}`);
  if (result.outcome === 'skipped') console.log(`    ${result.why}`);
  if (isRight) return;
  const lines = `${result.why ?? ''}\n${result.transcript ?? ''}`.trimEnd().split('\n');
  console.log(lines.map((line) => `    ${line}`).join('\n'));
}

const { client, features } = await helloOf(command).catch((error: unknown) =>
  program.error(messageOf(error)),
);
console.log(`${client}: ${features.join(', ')}\n`);
const results = await runCases(command, chosen, {
  features,
  atOnce: options.atOnce,
  seconds: options.seconds,
  onResult: show,
});
if (options.json) writeFileSync(options.json, `${JSON.stringify({ client, results }, null, 2)}\n`);
const count = (outcome: Outcome): number => results.filter((result) => result.outcome === outcome).length;
const others = (['not supported', 'skipped'] as const).filter((outcome) => count(outcome) > 0);
const tail = others.map((outcome) => `, ${count(outcome)} ${outcome}`).join('');
console.log(`\n${client}: ${count('passed')} passed, ${count('failed')} failed${tail}`);
process.exitCode = results.every((result) => judged(result).isRight) ? 0 : 1;
