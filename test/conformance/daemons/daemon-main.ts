/** Tries a daemon against the rules of docs/wire.md, and prints what it does not do. */
import { program } from 'commander';

import { wholeNumber } from '../../../src/cli/whole-number.ts';
import { demandOf } from './daemon-case.ts';
import { daemonCases } from './cases/all.ts';
import { DaemonPool } from './daemon-pool.ts';
import { playDaemonCases } from './daemon-run.ts';
import { Verdicts, chosenCases } from '../verdicts.ts';
import { ownDaemon } from './own-daemon.ts';

program
  .name('npm run conformance:daemon --')
  .description('Tries a daemon against the rules of docs/wire.md, by bare sockets.')
  .option(
    '--daemon <command>',
    'starts the daemon, followed by `serve --config FILE --socket PATH`; run by sh (default: the one of this repository)',
  )
  .option('--case <text>', 'runs only cases whose name or subject contains this text')
  .option('--rule <number>', 'runs only cases of this rule', wholeNumber)
  .option('--at-once <number>', 'how many cases run at the same time', wholeNumber, 8)
  .option('--known-failures <file>', 'names of cases, one per line, that are expected to fail')
  .option('--isolate', 'gives each case a daemon of its own, so that one which crashes fails no other case')
  .option('--list', 'lists the cases with what demands them, and runs none')
  .parse();
const options = program.opts<{
  daemon?: string;
  case?: string;
  rule?: number;
  atOnce: number;
  knownFailures?: string;
  isolate?: true;
  list?: true;
}>();

const chosen = chosenCases(daemonCases, options);
if (chosen.length === 0) program.error('error: no case matches --case and --rule; --list shows all');
if (options.list) {
  for (const each of chosen) console.log(`${each.name} (${demandOf(each)})`);
  process.exit();
}

await using pool = new DaemonPool(options.daemon ?? ownDaemon, chosen, {
  isolate: options.isolate ?? false,
});
const verdicts = new Verdicts(options.knownFailures);
await playDaemonCases(chosen, pool, {
  atOnce: options.atOnce,
  onResult({ case: of, outcome, why }) {
    verdicts.show({ name: of.name, demand: demandOf(of), outcome, details: why });
  },
});
console.log(`\n${verdicts}`);
process.exitCode = verdicts.areRight ? 0 : 1;
