import { Command, CommanderError } from 'commander';

import { version } from '../protocol/version.ts';
import { checkCommand } from './check.ts';
import { withHelp } from './command-help.ts';
import { completionCommand } from './completion.ts';
import { getCommand } from './get.ts';
import { helpCommand } from './help.ts';
import { listenCommand } from './listen.ts';
import { natsCommand } from './nats-command.ts';
import { onCommand } from './on-command.ts';
import { publishCommand } from './publish.ts';
import { reloadCommand } from './reload.ts';
import { sampleCommand } from './sample.ts';
import { serveCommand } from './serve-command.ts';
import { serviceCommand } from './service.ts';
import { statusCommand } from './status.ts';
import { topCommand } from './top-command.ts';
import { webCommand } from './web-command.ts';
import { exitCodes } from './exit-codes.ts';
import { runToEnd } from './ending.ts';
import type { Ending, Finish } from './exit-codes.ts';

/**
 * Runs the command line.
 * @param argv As in `process.argv`.
 * @returns how to exit, once all is done and said.
 */
export function run(argv: readonly string[]): Promise<Ending> {
  return runToEnd((finish) => runCommand(argv, finish));
}

async function runCommand(argv: readonly string[], finish: Finish): Promise<void> {
  try {
    await createProgram(finish).parseAsync(argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    finish(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage);
  }
}

/** The command line as a tree of commands: what is run, and what manual pages and completions are made of. */
export function createProgram(finish: Finish): Command {
  const program = new Command('chimed')
    .description('Samples something once per interval and sends it to every local process that subscribed.')
    .version(version(), '-V, --version')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  for (const create of [
    serveCommand,
    webCommand,
    natsCommand,
    listenCommand,
    onCommand,
    getCommand,
    publishCommand,
    statusCommand,
    topCommand,
    sampleCommand,
    checkCommand,
    reloadCommand,
    serviceCommand,
    completionCommand,
  ]) {
    program.addCommand(create(finish).exitOverride().helpCommand(false));
  }
  program.addCommand(helpCommand(program));
  return withHelp(program, {
    examplesTitle: 'Two terminals',
    examples: ['chimed serve', 'chimed listen message "host.>"'],
  });
}
