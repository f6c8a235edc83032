import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** What must be on the machine, and the Debian package that has it. */
export interface Need {
  /** A program's name, or the absolute path of a file. */
  path: string;
  package: string;
}

export const compiler: Need = { path: 'cc', package: 'gcc' };

/** The packages to install for something that has these needs; none, if all is here. */
export function missingPackages(needs: readonly Need[] = []): string[] {
  return needs.filter(({ path }) => !isHere(path)).map((need) => need.package);
}

function isHere(path: string): boolean {
  return path.startsWith('/') ? existsSync(path) : spawnSync('sh', ['-c', `command -v ${path}`]).status === 0;
}
