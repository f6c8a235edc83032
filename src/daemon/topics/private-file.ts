import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { systemCode } from '../../errors.ts';
import { randomDigits } from './random-instance.ts';

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;
const ROOT = 0;
/** Owner of what belongs to nobody in this user namespace. */
const OVERFLOW_UID = 65_534;
const WRITE_BY_GROUP = 0o020;
const WRITE_BY_ALL = 0o002;
const STICKY = 0o1000;
/** Small pieces are gathered until they are so many bytes. */
const CHUNK_BYTES = 1024 * 1024;
const UNFINISHED = '.new-';

/**
 * Makes sure that nobody but root and this user can put files into a directory or swap it for another.
 * @throws {Error} with the reason, and what to do.
 */
export function assertPrivateDirectory(directory: string): void {
  const real = realpathSync(directory);
  assertPrivate(real, statSync(real));
  for (let above = real; above !== dirname(above);) {
    above = dirname(above);
    const found = statSync(above);
    // In a sticky directory nobody can rename what belongs to another.
    if ((found.mode & STICKY) === 0 && found.uid !== OVERFLOW_UID) assertPrivate(above, found);
  }
}

function assertPrivate(directory: string, found: Stats): void {
  const uid = process.getuid!();
  if (found.uid !== ROOT && found.uid !== uid)
    throw new Error(`the directory ${directory} belongs to user ${found.uid}; use a directory of your own`);
  // The group of many users has no other member, by the convention that it has the user's number.
  const isOwnGroup = uid !== ROOT && found.gid === uid;
  if ((found.mode & (isOwnGroup ? WRITE_BY_ALL : WRITE_BY_ALL | WRITE_BY_GROUP)) !== 0)
    throw new Error(
      `other users can write to the directory ${directory}; run \`chmod go-w ${directory}\`, or use another directory`,
    );
}

/**
 * Reads a file of this user's, or of root's. Follows no link and waits for no pipe.
 * @returns undefined if there is none.
 * @throws {Error} with the reason.
 */
export function readPrivateFile(file: string): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    if (systemCode(error) === 'ELOOP') throw new Error('is a link', { cause: error });
    throw error;
  }
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) throw new Error('is not a regular file');
    if (found.uid !== process.getuid!() && found.uid !== ROOT)
      throw new Error(`belongs to user ${found.uid}`);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Replaces a file in one step: by all of `pieces`, or not at all. It is for this user alone. The pieces are
 * written to a new file with a random name beside it, so that nothing that is there is followed or written to.
 */
export function replacePrivateFile(file: string, pieces: Iterable<Buffer>): void {
  const unfinished = `${file}${UNFINISHED}${randomDigits()}${randomDigits()}`;
  const fd = openSync(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    for (const chunk of gather(pieces)) writeAll(fd, chunk);
    syncToDisk(fd);
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Removes what a process that was killed in `replacePrivateFile` left beside the file. */
export function removeUnfinished(file: string): void {
  const directory = dirname(file);
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(basename(file) + UNFINISHED)) continue;
    const path = join(directory, name);
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile()) rmSync(path, { force: true });
  }
}

function* gather(pieces: Iterable<Buffer>): Generator<Buffer> {
  let gathered: Buffer[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    gathered.push(piece);
    bytes += piece.length;
    if (bytes < CHUNK_BYTES) continue;
    yield Buffer.concat(gathered, bytes);
    gathered = [];
    bytes = 0;
  }
  yield Buffer.concat(gathered, bytes);
}

function writeAll(fd: number, chunk: Buffer): void {
  for (let written = 0; written < chunk.length;) written += writeSync(fd, chunk, written);
}

function syncToDisk(fd: number): void {
  try {
    fsyncSync(fd);
  } catch (error) {
    // Some file systems cannot; then the write is all there is.
    if (systemCode(error) !== 'EINVAL') throw error;
  }
}
