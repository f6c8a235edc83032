import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY, O_DIRECTORY, O_RDONLY } = constants;
const CHUNK_BYTES = 2 ** 20;
/** set-uid, set-gid, sticky, and writing for all but the owner: nothing that is installed has these. */
const FORBIDDEN_BITS = 0o7022;

/** Puts a file of root's in a place: a new inode, complete before it gets its name, which nobody has open. */
export function replaceFile(path: string, content: string | Buffer, mode: number, gid = 0): void {
  const unfinished = freeName(path);
  const fd = createFile(unfinished);
  try {
    writeFileSync(fd, content);
    finish(fd, mode, gid);
    fsyncSync(fd);
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  syncDirectory(dirname(path));
}

/** Writes what an open file holds into a new file of root's. */
export function copyInto(path: string, from: number, mode: number): void {
  const fd = createFile(path);
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let count: number; (count = readSync(from, chunk)) > 0;) {
      for (let done = 0; done < count;) done += writeSync(fd, chunk, done, count - done);
    }
    finish(fd, mode);
  } finally {
    closeSync(fd);
  }
}

/**
 * A name beside a path, for what is going to be renamed to it. It is always the same one, so that an installation that
 * was interrupted leaves no more than the next one removes.
 */
export function freeName(path: string): string {
  const name = unfinishedName(path);
  rmSync(name, { force: true, recursive: true });
  return name;
}

export function unfinishedName(path: string): string {
  return `${path}.new`;
}

/** Makes the new names in a directory survive a power cut. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, O_RDONLY | O_DIRECTORY);
  fsyncSync(fd);
  closeSync(fd);
}

/** Gives a tree's directories to root. A tree that grew in a closed directory is opened from the inside, the top last. */
export function openDirectories(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) openDirectories(join(directory, entry.name));
  }
  chownSync(directory, 0, 0);
  chmodSync(directory, 0o755);
}

/**
 * Says what in a tree is not as we install it: root's own, for nobody else to write, plain files and directories.
 * @param ignored Paths that are not looked at.
 */
export function damageOf(path: string, ignored: readonly string[] = []): string | undefined {
  if (ignored.includes(path)) return undefined;
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats) return `${path} is missing`;
  if (stats.uid !== 0 || stats.gid !== 0) return `${path} belongs to ${stats.uid}:${stats.gid}`;
  if (!stats.isFile() && !stats.isDirectory()) return `${path} is neither a file nor a directory`;
  if (stats.mode & FORBIDDEN_BITS) return `${path} has mode ${(stats.mode & 0o7777).toString(8)}`;
  if (stats.isFile()) return stats.nlink === 1 ? undefined : `${path} has other names`;
  for (const name of readdirSync(path)) {
    const damage = damageOf(join(path, name), ignored);
    if (damage !== undefined) return damage;
  }
  return undefined;
}

/** Takes a directory from whoever it belongs to. Its parent must be root's, so that it cannot be exchanged meanwhile. */
export function takeDirectory(path: string): void {
  const fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  fchownSync(fd, 0, 0);
  fchmodSync(fd, 0o755);
  closeSync(fd);
}

/**
 * Removes a file or a tree. A tree of somebody else's is taken from him first, from the top: he could have us
 * remove what he puts in the place of its directories.
 */
export function removeTree(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) takeTree(path);
  rmSync(path, { recursive: true, force: true });
}

function takeTree(directory: string): void {
  takeDirectory(directory);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) takeTree(join(directory, entry.name));
  }
}

function createFile(path: string): number {
  return openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
}

function finish(fd: number, mode: number, gid = 0): void {
  fchownSync(fd, 0, gid);
  fchmodSync(fd, mode);
}
