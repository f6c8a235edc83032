import { messageOf } from '../errors.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import type { Ending, Finish } from './exit-codes.ts';
import { finishOutput } from './standard-output.ts';
import { printableLines } from './printable.ts';

/**
 * Runs a command to its end: says what it failed with, and waits until all that was said is written.
 * @returns how to exit.
 */
export async function runToEnd(command: (finish: Finish) => Promise<void>): Promise<Ending> {
  const ending: Ending = { exitCode: exitCodes.ok };
  try {
    await command((exitCode, exit = ending.exit) => void Object.assign(ending, { exitCode, exit }));
  } catch (error) {
    process.stderr.write(`chimed: ${printableLines(messageOf(error))}\n`);
    if (isDebugging() && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    ending.exitCode = exitCodeOf(error);
  }
  const failure = await finishOutput();
  if (!failure) return ending;
  process.stderr.write(`chimed: cannot write to stdout: ${failure.message}; redirect the output elsewhere\n`);
  await finishOutput();
  return { ...ending, exitCode: ending.exitCode || exitCodes.failure };
}

function isDebugging(): boolean {
  const { argv } = process;
  return argv.includes('--log-level=debug') || argv[argv.indexOf('--log-level') + 1] === 'debug';
}
