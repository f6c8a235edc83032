import { spawnSync } from 'node:child_process';

/** Runs a program and waits for it. @throws with all that it printed, if it fails. */
export function run(program: string, args: string[], cwd: string, env: NodeJS.ProcessEnv = {}): void {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (error) throw error;
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')} failed with ${status}:\n${stdout}${stderr}`);
}
