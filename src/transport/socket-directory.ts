import { closeSync, constants, fchmodSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import { ChimedError, isRefusal, messageOf, systemCode } from '../errors.ts';
import { isForeignDirectory } from '../protocol/paths.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
const FOR_ALL = 0o755;
const FOR_OWNER = 0o700;
const WRITE_BY_OTHERS = 0o022;

/**
 * Makes the directory of a socket, and those above it, if they are not there. Whoever may connect can pass
 * through those that are made, whatever the umask is.
 * @param mode Permission bits of the socket.
 * @param setting What sets the path, as errors name it.
 * @throws {ChimedError} `not-permitted`, `cannot-listen`.
 */
export function makeSocketDirectory(directory: string, mode: number, setting: string): void {
  // A daemon of root's is the machine's: other sockets are made in its directory later.
  const forAll = process.getuid!() === 0 || (mode & WRITE_BY_OTHERS) !== 0;
  try {
    make(resolve(directory), forAll ? FOR_ALL : FOR_OWNER);
  } catch (error) {
    throw new ChimedError(
      isRefusal(error) ? 'not-permitted' : 'cannot-listen',
      `the directory of the socket cannot be created: ${messageOf(error)}`,
      { cause: error },
    );
  }
  if (isForeignDirectory(directory)) {
    throw new ChimedError(
      'not-permitted',
      `the directory ${directory} belongs to another user, or other users can write to it; remove it, or choose another ${setting}`,
    );
  }
}

/** Not by `recursive: true`: where nothing can be made, as in /proc, Node would try for ever. */
function make(directory: string, mode: number): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return;
  if (directory !== dirname(directory)) make(dirname(directory), mode);
  try {
    mkdirSync(directory, FOR_OWNER);
  } catch (error) {
    if (systemCode(error) === 'EEXIST' && statSync(directory).isDirectory()) return; // Another daemon was faster.
    throw error;
  }
  setMode(directory, mode);
}

/** Sets the mode of a directory that we have made, whatever the umask was. */
function setMode(directory: string, mode: number): void {
  const fd = openSync(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}
