import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where the system's own programs are. The caller's PATH is not searched: it can lead to anybody's programs. */
const DIRECTORIES = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'];

/**
 * Options of `spawn` and `spawnSync` for a program of the system. It inherits neither the caller's environment
 * (`LD_PRELOAD`, `NODE_OPTIONS`) nor its current directory.
 */
export const systemProcess = {
  cwd: '/',
  env: { PATH: DIRECTORIES.join(':'), LC_ALL: 'C.UTF-8' },
};

/**
 * The absolute path of a program of the system (`getent`, `systemctl`).
 * @throws if the program is in none of the system's directories.
 */
export function systemProgram(name: string): string {
  const path = DIRECTORIES.map((directory) => join(directory, name)).find((file) => existsSync(file));
  if (path !== undefined) return path;
  throw new Error(`${name} is in none of ${DIRECTORIES.join(', ')}; install the package that has it`);
}
