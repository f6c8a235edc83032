import { spawnSync } from 'node:child_process';

import type { Step } from './step.ts';

/**
 * Runs a program and waits for it.
 * @returns what it printed.
 * @throws if it fails, with what it said.
 */
export function command(program: string, ...args: string[]): string {
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (error) throw new Error(`${program} cannot be run: ${error.message}`, { cause: error });
  if (status === 0) return stdout;
  const said = (stderr || stdout).trim();
  throw new Error(`${[program, ...args].join(' ')} failed with ${signal ?? status}${said && `: ${said}`}`);
}

/** Reports whether a program succeeds. */
export function succeeds(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/** A step that runs a program. */
export function commandStep(program: string, ...args: string[]): Step {
  return { says: [program, ...args].join(' '), run: () => void command(program, ...args) };
}
