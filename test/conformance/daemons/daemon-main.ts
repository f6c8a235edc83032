/** Tries a daemon against the rules of docs/wire.md, and prints what it does not do. */
import { program } from 'commander';

import { wholeNumber } from '../../../src/cli/whole-number.ts';
import { temporaryFolder } from '../../helpers/folder.ts';
import { demandOf } from './daemon-case.ts';
import { daemonCases } from './cases/all.ts';
import { DaemonPool } from './daemon-pool.ts';
import { playDaemonCases } from './daemon-run.ts';
import type { DaemonResult } from './daemon-run.ts';
import { knownFailures } from '../known-failures.ts';
import { ownDaemon } from './own-daemon.ts';

program
  .name('npm run conformance:daemon --')
  .description('Tries a daemon against the rules of docs/wire.md, by bare sockets.')
  .option(
    '--daemon <command>',
    'starts the daemon, followed by `serve --config FILE --socket PATH`; run by sh (default: the one of this repository)',
  )
  .option('--case <text>', 'runs only cases whose name or subject contains this text', '')
  .option('--rule <number>', 'runs only cases of this rule', wholeNumber)
  .option('--at-once <number>', 'how many cases run at the same time', wholeNumber, 8)
  .option('--known-failures <file>', 'names of cases, one per line, that are expected to fail')
  .option('--isolate', 'gives each case a daemon of its own, so that one which crashes fails no other case')
  .option('--list', 'lists the cases with what demands them, and runs none')
  .parse();
const options = program.opts<{
  daemon?: string;
  case: string;
  rule?: number;
  atOnce: number;
  knownFailures?: string;
  isolate?: true;
  list?: true;
}>();

const text = options.case.toLowerCase();
const chosen = Object.entries(daemonCases).flatMap(([subject, cases]) =>
  cases.filter(
    ({ name, rules }) =>
      (subject.includes(text) || name.toLowerCase().includes(text)) &&
      (options.rule === undefined || rules.includes(options.rule)),
  ),
);

if (options.list) {
  for (const each of chosen) console.log(`${each.name} (${demandOf(each)})`);
  process.exit();
}

const { knownFailures: file } = options;
const known = file === undefined ? new Set<string>() : knownFailures(file);

/** A result, and whether it is what is expected. */
function judged({ case: { name }, outcome }: DaemonResult): { isRight: boolean; word: string } {
  if (!known.has(name)) return { isRight: outcome !== 'failed', word: outcome };
  if (outcome === 'failed') return { isRight: true, word: 'failed, as known' };
  return { isRight: false, word: `${outcome}, though ${file} says that it fails` };
}

function show(result: DaemonResult): void {
  const { isRight, word } = judged(result);
  console.log(`${isRight ? '  ' : '! '}${word.padEnd(14)} ${result.case.name} (${demandOf(result.case)})`);
  if (result.outcome === 'skipped' || !isRight) console.log((result.why ?? '').replaceAll(/^/gm, '    '));
}

using cache = temporaryFolder();
await using pool = new DaemonPool(options.daemon ?? ownDaemon(cache.path), chosen, {
  isolate: options.isolate ?? false,
});
const results = await playDaemonCases(chosen, pool, { atOnce: options.atOnce, onResult: show });
const count = (outcome: DaemonResult['outcome']): number =>
  results.filter((result) => result.outcome === outcome).length;
const skipped = count('skipped') > 0 ? `, ${count('skipped')} skipped` : '';
console.log(`\n${count('passed')} passed, ${count('failed')} failed${skipped}`);
process.exitCode = results.every((result) => judged(result).isRight) ? 0 : 1;
