import { spawnSync } from 'node:child_process';

/** Reports whether this machine has a program, and says loudly on stderr when a test must do without it. */
export function has(program: string): boolean {
  if (spawnSync('sh', ['-c', `command -v ${program}`]).status === 0) return true;
  process.stderr.write(`SKIPPED: a test needs ${program}, which is not on this machine\n`);
  return false;
}
