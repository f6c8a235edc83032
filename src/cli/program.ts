import { Command, CommanderError } from 'commander';

import { messageOf } from '../errors.ts';
import { version } from '../protocol/version.ts';
import { checkCommand } from './check.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import type { Ending, Finish } from './exit-codes.ts';
import { getCommand } from './get.ts';
import { helpCommand } from './help.ts';
import { listenCommand } from './listen.ts';
import { finishOutput } from './output.ts';
import { printableLines } from './printable.ts';
import { publishCommand } from './publish.ts';
import { reloadCommand } from './reload.ts';
import { sampleCommand } from './sample.ts';
import { serveCommand } from './serve.ts';
import { serviceCommand } from './service.ts';
import { statusCommand } from './status.ts';

/**
 * Runs the command line.
 * @param argv As in `process.argv`.
 * @returns how to exit, once all is done and said.
 */
export async function run(argv: readonly string[]): Promise<Ending> {
  const { exitCode, exit } = await runCommand(argv);
  const failure = await finishOutput();
  if (!failure) return { exitCode, exit };
  process.stderr.write(`chimed: the answer could not be written: ${failure.message}; send it elsewhere\n`);
  await finishOutput();
  return { exitCode: exitCode || exitCodes.failure, exit };
}

async function runCommand(argv: readonly string[]): Promise<Ending> {
  const program = new Command('chimed')
    .description('One daemon samples; every local process that asked hears it, on time.')
    .version(version(), '-V, --version')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .addHelpText('after', '\nTwo terminals:\n  chimed serve\n  chimed listen message "host.>"');
  const ending: Ending = { exitCode: exitCodes.ok, exit: (code) => process.exit(code) };
  const finish: Finish = (exitCode, exit = ending.exit) => void Object.assign(ending, { exitCode, exit });
  for (const create of [
    serveCommand,
    listenCommand,
    getCommand,
    publishCommand,
    statusCommand,
    sampleCommand,
    checkCommand,
    reloadCommand,
    serviceCommand,
  ]) {
    program.addCommand(create(finish).exitOverride().helpCommand(false));
  }
  program.addCommand(helpCommand(program));
  try {
    await program.parseAsync(argv);
    return ending;
  } catch (error) {
    if (error instanceof CommanderError)
      return { ...ending, exitCode: error.exitCode === 0 ? exitCodes.ok : exitCodes.usage };
    process.stderr.write(`chimed: ${printableLines(messageOf(error))}\n`);
    if (isDebugging(argv) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return { ...ending, exitCode: exitCodeOf(error) };
  }
}

function isDebugging(argv: readonly string[]): boolean {
  return argv.includes('--log-level=debug') || argv[argv.indexOf('--log-level') + 1] === 'debug';
}
