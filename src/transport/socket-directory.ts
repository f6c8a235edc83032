import { closeSync, constants, fchmodSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import { ChimedError, isRefusal, messageOf } from '../errors.ts';
import { isForeignDirectory } from '../protocol/paths.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
const FOR_ALL = 0o755;
const FOR_OWNER = 0o700;
const WRITE_BY_OTHERS = 0o022;

/**
 * Makes the directory of a socket, and those above it, if they are not there. Whoever may connect can pass
 * through those that are made, whatever the umask is.
 * @param mode Permission bits of the socket.
 * @throws {ChimedError} `not-permitted`, `cannot-listen`.
 */
export function makeSocketDirectory(directory: string, mode: number): void {
  // A daemon of root's is the machine's: other sockets are made in its directory later.
  const forAll = process.getuid?.() === 0 || (mode & WRITE_BY_OTHERS) !== 0;
  try {
    const first = mkdirSync(directory, { recursive: true, mode: FOR_OWNER });
    if (first !== undefined) openTo(resolve(first), resolve(directory), forAll ? FOR_ALL : FOR_OWNER);
  } catch (error) {
    throw new ChimedError(
      isRefusal(error) ? 'not-permitted' : 'cannot-listen',
      `the directory of the socket cannot be made: ${messageOf(error)}`,
      { cause: error },
    );
  }
  if (isForeignDirectory(directory)) {
    throw new ChimedError(
      'not-permitted',
      `the directory ${directory} belongs to another user, or other users can write to it; remove it, or choose another socket.path`,
    );
  }
}

/** Sets the mode of all directories from `first` down to `last`. */
function openTo(first: string, last: string, mode: number): void {
  if (last !== first && last !== dirname(last)) openTo(first, dirname(last), mode);
  const fd = openSync(last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}
