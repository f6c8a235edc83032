import { cli } from '../../helpers/program.ts';

/**
 * The command of the daemon of this repository.
 * @param cache Directory where Node keeps what it has compiled: most of the time in which a daemon starts goes into that.
 * @param before What stands before the program, such as a module to load first.
 */
export function ownDaemon(cache: string, before = ''): string {
  return `env NODE_COMPILE_CACHE='${cache}' '${process.execPath}' ${before} '${cli}'`;
}
