import { Command } from 'commander';

import { withHelp } from './command-help.ts';
import { socketOption } from './connect-once.ts';
import { durationArgument } from './duration-argument.ts';
import type { OnOptions } from './on.ts';
import { wholeNumber } from './whole-number.ts';

const SEPARATOR = '--';
const MISSING =
  "write -- between the topics and the command, as in: chimed on host.load -- sh -c 'cat >> load.txt'";

/** `chimed on`: runs a command for each message. */
export function onCommand(): Command {
  const command = new Command('on')
    .description('run a command for each message of topics')
    .usage('[options] <pattern...> -- <command> [argument...]')
    .argument('<pattern...>', 'topics or quoted patterns: * matches one word, > at the end the rest')
    .option('--where <expression>', 'only if this CEL expression is true, such as "load[0] > 4"')
    .option(
      '--for <number>',
      'only once --where has been true for this many messages of the topic in a row',
      wholeNumber,
    )
    .option('--on-change', "only if the data differs from that of the topic's previous message")
    .option('-j, --jobs <number>', 'run up to this many commands at a time', wholeNumber, 1)
    .option('--timeout <duration>', 'end a command that runs longer than this, such as 30s', durationArgument)
    .option('-n, --count <number>', 'exit after running the command this many times', wholeNumber)
    .addOption(socketOption())
    .configureOutput({
      // Without the separator, options of the command are taken for ours.
      outputError: (text, write) => write(hasSeparator() ? text : `${text.trimEnd()}; ${MISSING}\n`),
    })
    .action(on);
  return withHelp(command, {
    program:
      'the command to run for each message, and its arguments; it is not given to a shell: use sh -c for pipes and variables',
    notes: [
      'The command gets the data on stdin: text unchanged, anything else as JSON and a newline. Its environment has CHIMED_TOPIC, CHIMED_SEQ, CHIMED_TIME (milliseconds since 1970), CHIMED_MISSED (messages of the topic that were lost since its last run), CHIMED_SKIPPED (messages of the topic that ran no command since its last run, because it was busy) and, if the source has failed since, CHIMED_STALE=1.',
      'While a command runs, the newest message of each topic waits and replaces older ones. With --jobs, runs can overlap, also those of one topic.',
      'Names in an expression: data, topic, seq, time and missed; then the fields of the data; then, for all of the data, the last word of the topic. An expression that cannot be evaluated for a message counts as not true. --for runs the command once, and again only after --where has not been true; a lost message begins the row again.',
    ],
    signals: {
      'SIGTERM, SIGINT':
        'start no more commands; end those that run by SIGTERM, and two seconds later by SIGKILL. A second signal kills them at once.',
      SIGHUP: 'the same, as when the terminal is closed',
    },
    examples: [
      'chimed on deploy --on-change -- systemctl --user restart shop',
      `chimed on host.load --where 'load[0] > 4' --for 3 -- logger -t load 'the load is high'`,
      `chimed on 'sensors.>' --where 'celsius >= 30' --timeout 10s -- sh -c 'mail -s "$CHIMED_TOPIC" root'`,
    ],
  });
}

function hasSeparator(): boolean {
  return process.argv.includes(SEPARATOR);
}

async function on(operands: string[], options: OnOptions, command: Command): Promise<void> {
  // Commander removes the separator, but keeps all that follows as operands.
  const argv = hasSeparator() ? process.argv.slice(process.argv.indexOf(SEPARATOR) + 1) : [];
  const patterns = operands.slice(0, operands.length - argv.length);
  if (argv.length === 0) command.error('error: missing command');
  if (patterns.length === 0) command.error("error: missing argument 'pattern' before --");
  if (options.for !== undefined && options.where === undefined)
    command.error('error: --for counts messages for which --where is true; add --where');
  if (options.for !== undefined && options.onChange)
    command.error('error: --for cannot be used with --on-change: it runs the command once anyway');
  const { runOnMessages } = await import('./on.ts');
  return runOnMessages(patterns, argv, options);
}
