import { join } from 'node:path';

import { cli, root } from '../../helpers/program.ts';

/** The command of the daemon of this repository. */
export const ownDaemon = `'${process.execPath}' '${cli}'`;

/**
 * The same from its sources, of which a module that is loaded first changes something.
 * @param cache Directory where Node keeps what it has compiled: most of the time in which such a daemon starts goes into that.
 */
export function changedDaemon(module: string, cache: string): string {
  const sources = join(root, 'src/cli/main.ts');
  return `env NODE_COMPILE_CACHE='${cache}' '${process.execPath}' --import '${module}' '${sources}'`;
}
