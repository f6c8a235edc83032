import { spawnSync } from 'node:child_process';
import { isAbsolute } from 'node:path';

import { systemProcess, systemProgram } from '../linux/programs.ts';
import type { InstallStep } from './step.ts';

/**
 * Runs a program and waits for it: one of the system's by its name, or any by its absolute path.
 * @returns what it printed.
 * @throws if it fails, with what it said.
 */
export function command(program: string, ...args: string[]): string {
  const { status, signal, error, stdout, stderr } = run(program, args);
  if (error) throw new Error(`${program} cannot be run: ${error.message}`, { cause: error });
  if (status === 0) return stdout;
  const said = (stderr || stdout).trim();
  throw new Error(`${[program, ...args].join(' ')} failed with ${signal ?? status}${said && `: ${said}`}`);
}

/** Reports whether a program succeeds. */
export function succeeds(program: string, ...args: string[]): boolean {
  return run(program, args).status === 0;
}

/** A step that runs a program. */
export function commandStep(program: string, ...args: string[]): InstallStep {
  return { says: [program, ...args].join(' '), run: () => void command(program, ...args) };
}

function run(
  program: string,
  args: string[],
): ReturnType<typeof spawnSync> & { stdout: string; stderr: string } {
  const file = isAbsolute(program) ? program : systemProgram(program);
  return spawnSync(file, args, { ...systemProcess, encoding: 'utf8' });
}
