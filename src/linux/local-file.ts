import { closeSync, fstatSync, readFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import koffi from 'koffi';

import { inMemory, onDisk } from './file-systems.ts';

if (process.platform !== 'linux') throw new Error('only Linux opens files without waiting');

const SYS_OPENAT2 = 437;
const AT_FDCWD = -100;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const RESOLVE_NO_XDEV = 1;
const RESOLVE_CACHED = 0x20;
/** How long the table of mounts is taken to be as it was read, in milliseconds. */
const MOUNTS_MS = 1000;

const libc = koffi.load(null);
const openat2 = libc.func('long syscall(long number, long fd, const char *path, void *how, long size)');
const strerror = libc.func('const char *strerror(int errno)');

/** `strerror(3)`: what the system's own programs say, such as `No such file or directory`. */
export function systemMessage(errno: number): string {
  return strerror(errno) as string;
}

/**
 * Opens a regular file, a directory or a pipe by name only (`O_PATH`), without a wait for a disk, a server or a device.
 * @returns a descriptor, which Node can open to read as `/proc/self/fd/N` and must close; undefined if the path, or
 * what is there, might make us wait.
 * @throws {SystemFileError} `ENOENT` if there is no such file.
 */
export function openLocal(path: string): number | undefined {
  let fd = open(AT_FDCWD, path, RESOLVE_CACHED);
  if (fd === -koffi.os.errno['ENOENT']!) throw new SystemFileError(-fd);
  // Names in /proc and /sys are never in the cache. They are looked up without leaving their mount.
  if (fd === -koffi.os.errno['EAGAIN']!) fd = openInMemory(path);
  if (fd < 0) return undefined;
  if (isLocal(fd)) return fd;
  closeSync(fd);
  return undefined;
}

/** What the system says of a file. `errno` is positive. */
export class SystemFileError extends Error {
  constructor(errno: number) {
    super(systemMessage(errno));
  }
}

function openInMemory(path: string): number {
  let ancestor = path;
  let fd: number;
  do {
    ancestor = dirname(ancestor);
    fd = open(AT_FDCWD, ancestor, RESOLVE_CACHED);
  } while (fd < 0 && ancestor !== '/');
  if (fd < 0) return fd;
  try {
    return inMemory.has(fileSystem(fd) ?? '') ? open(fd, relative(ancestor, path), RESOLVE_NO_XDEV) : -1;
  } finally {
    closeSync(fd);
  }
}

/** @returns a descriptor, or the negative errno. */
function open(fd: number, path: string, resolve: number): number {
  const how = BigUint64Array.of(BigInt(O_PATH | O_CLOEXEC), 0n, BigInt(resolve)); // `struct open_how`
  const opened = Number(openat2(SYS_OPENAT2, fd, path, how, how.byteLength));
  return opened < 0 ? -koffi.errno() : opened;
}

function isLocal(fd: number): boolean {
  const type = fileSystem(fd);
  if (type === undefined || !(inMemory.has(type) || onDisk.has(type))) return false;
  const stats = fstatSync(fd);
  return stats.isFile() || stats.isDirectory() || stats.isFIFO();
}

let mounts = { readAt: -Infinity, types: new Map<string, string>() };

/** Type of the file system that an open file is on. Does not ask that file system. */
function fileSystem(fd: number): string | undefined {
  const [, mount = ''] = /^mnt_id:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
  const now = performance.now();
  if (now - mounts.readAt > MOUNTS_MS || !mounts.types.has(mount)) {
    const lines = readFileSync('/proc/self/mountinfo', 'utf8').matchAll(/^(\d+) .* - (\S+) /gm);
    mounts = { readAt: now, types: new Map([...lines].map(([, id, type]) => [id!, type!])) };
  }
  return mounts.types.get(mount);
}
