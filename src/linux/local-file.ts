import { closeSync, constants, fstatSync, readFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import koffi from 'koffi';

import { inMemory } from './file-systems.ts';
import { foundOf, lookUp } from './look-up.ts';
import type { Found } from './look-up.ts';
import { isLocalType, reportsChanges, typeOfMount } from './mount-table.ts';

if (process.platform !== 'linux') throw new Error('only Linux opens files without waiting');

const SYS_OPENAT2 = 437;
const AT_FDCWD = -100;
const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const { O_NOFOLLOW } = constants;
const RESOLVE_NO_XDEV = 1;
const RESOLVE_CACHED = 0x20;

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
  const fd = openWithoutWait(path);
  if (fd === -koffi.os.errno['ENOENT']!) throw new SystemFileError(-fd);
  if (fd < 0) return undefined;
  if (isLocal(fd)) return fd;
  closeSync(fd);
  return undefined;
}

/** Does what `lookUp` does, without a wait for a disk. Before Linux 5.12, it may wait for one. */
export function lookUpWithoutWait(path: string): Found {
  const fd = openWithoutWait(path, O_NOFOLLOW);
  if (fd < 0) return notOpened(-fd, path);
  try {
    const type = fileSystem(fd);
    if (!reportsChanges(type)) return { kind: 'foreign', type: type ?? 'an unknown file system' };
    return foundOf(fstatSync(fd), path);
  } catch {
    return { kind: 'nothing' }; // It was a link, and has gone.
  } finally {
    closeSync(fd);
  }
}

function notOpened(errno: number, path: string): Found {
  const { EAGAIN, EXDEV, EINVAL, ENOSYS, EPERM } = koffi.os.errno;
  if (errno === EAGAIN || errno === EXDEV) return { kind: 'unknown' };
  // The kernel, or a filter of system calls, does not know the call or the flag.
  if (errno === EINVAL || errno === ENOSYS || errno === EPERM) return lookUp(path);
  return { kind: 'nothing' };
}

/** What the system says of a file. `errno` is positive. */
class SystemFileError extends Error {
  constructor(errno: number) {
    super(systemMessage(errno));
  }
}

/** @returns a descriptor, or the negative errno: `EAGAIN` if it would wait. */
function openWithoutWait(path: string, flags = 0): number {
  const fd = open(AT_FDCWD, path, RESOLVE_CACHED, flags);
  // Names in /proc and /sys are never in the cache. They are looked up without leaving their mount.
  return fd === -koffi.os.errno['EAGAIN']! ? openInMemory(path, flags) : fd;
}

function openInMemory(path: string, flags: number): number {
  let ancestor = path;
  let fd: number;
  do {
    ancestor = dirname(ancestor);
    fd = open(AT_FDCWD, ancestor, RESOLVE_CACHED);
  } while (fd < 0 && ancestor !== '/');
  if (fd < 0) return fd;
  try {
    if (!inMemory.has(fileSystem(fd) ?? '')) return -koffi.os.errno['EAGAIN']!;
    return open(fd, relative(ancestor, path), RESOLVE_NO_XDEV, flags);
  } finally {
    closeSync(fd);
  }
}

/** @returns a descriptor, or the negative errno. */
function open(fd: number, path: string, resolve: number, flags = 0): number {
  const how = BigUint64Array.of(BigInt(O_PATH | O_CLOEXEC | flags), 0n, BigInt(resolve)); // `struct open_how`
  const opened = Number(openat2(SYS_OPENAT2, fd, path, how, how.byteLength));
  return opened < 0 ? -koffi.errno() : opened;
}

function isLocal(fd: number): boolean {
  if (!isLocalType(fileSystem(fd))) return false;
  const stats = fstatSync(fd);
  return stats.isFile() || stats.isDirectory() || stats.isFIFO();
}

/** Type of the file system that an open file is on. Does not ask that file system. */
function fileSystem(fd: number): string | undefined {
  const [, mount = ''] = /^mnt_id:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
  return typeOfMount(mount);
}
