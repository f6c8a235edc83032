import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { ChimedError } from '../../errors.ts';

/**
 * Checks that a program can be run, so that a mistake is found before the first message.
 * @param name A path, or a name that is looked up in PATH.
 * @throws {ChimedError} `bad-request` if it cannot.
 */
export function checkProgram(name: string, path = process.env['PATH']): void {
  if (name.includes('/')) {
    const fault = faultOf(name);
    if (fault !== undefined) throw cannotRun(name, fault);
  } else if (path !== undefined) {
    const files = path.split(delimiter).map((directory) => join(directory, name));
    if (!files.some((file) => faultOf(file) === undefined))
      throw cannotRun(name, `there is no program of this name in ${path} (PATH)`);
  }
}

function faultOf(file: string): string | undefined {
  try {
    if (statSync(file).isDirectory()) return 'it is a directory';
    accessSync(file, constants.X_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES'
      ? `permission denied; make it executable with chmod +x ${file}`
      : 'there is no such file';
  }
}

function cannotRun(name: string, reason: string): ChimedError {
  return new ChimedError('bad-request', `cannot run ${name}: ${reason}`);
}
