import { closeSync, fchmodSync } from 'node:fs';
import koffi from 'koffi';
import type { KoffiFunc } from 'koffi';

import { SystemError } from './system-error.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const F_DUPFD_CLOEXEC = 1030;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
export const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** F_SEAL_SEAL, _SHRINK, _GROW and _WRITE: nobody can change it any more. */
const ALL_SEALS = 15;
/** Longest that the kernel writes into a `sockaddr_un`. */
const ADDRESS_BYTES = 110;

// The process's own symbols: libc is among them, whatever its file is called.
const libc = koffi.load(null);
const calls = {
  flock: libc.func('int flock(int fd, int operation)'),
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  bind: libc.func('int bind(int fd, const void *address, uint32_t length)'),
  sendto: libc.func(
    'intptr_t sendto(int fd, const void *bytes, size_t count, int flags, const void *address, uint32_t length)',
  ),
  send: libc.func('intptr_t send(int fd, const void *bytes, size_t count, int flags)'),
  getsockopt: libc.func(
    'int getsockopt(int fd, int level, int option, _Out_ void *value, _Inout_ uint32_t *length)',
  ),
  lgetxattr: libc.func('intptr_t lgetxattr(const char *path, const char *name, void *value, size_t size)'),
  getsockname: libc.func('int getsockname(int fd, _Out_ void *address, _Inout_ uint32_t *length)'),
  fcntl: libc.func('int fcntl(int fd, int command, ...)'),
};

const controlHeader = koffi.struct({ length: 'size_t', level: 'int', type: 'int', fd: 'int' });
const messageHeader = koffi.struct({
  address: 'void *',
  addressLength: 'uint32_t',
  parts: 'void *',
  partCount: 'size_t',
  control: koffi.pointer(controlHeader),
  controlLength: 'size_t',
  flags: 'int',
});
const sendmsg = libc.func('sendmsg', 'intptr_t', ['int', koffi.pointer(messageHeader), 'int']);

/**
 * flock(2): takes an exclusive lock on an open file without waiting. The kernel drops it when the process
 * ends, however it ends. Reports whether we have it now.
 */
export function flock(fd: number): boolean {
  if (calls.flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
  if (koffi.errno() === koffi.os.errno['EWOULDBLOCK']) return false;
  throw new SystemError('flock');
}

/** lgetxattr(2): reports whether a file has an access control list, beside its mode. */
export function hasAccessList(path: string): boolean {
  return (calls.lgetxattr(path, 'system.posix_acl_access', null, 0) as number) >= 0;
}

/** socket(2): a Unix datagram socket, which Node itself cannot make. It is not passed on to children. */
export function datagramSocket(): number {
  const fd = calls.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) as number;
  if (fd < 0) throw new SystemError('socket');
  return fd;
}

/**
 * bind(2): a Unix stream socket at a path, with permission bits that let only its owner connect. It does not
 * listen yet, so that nobody can connect to it, and is not passed on to children.
 * @throws {SystemError} `EADDRINUSE`, `EACCES`, `ENOENT` …
 */
export function boundSocket(path: string): number {
  const fd = calls.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) as number;
  if (fd < 0) throw new SystemError('socket');
  try {
    fchmodSync(fd, 0o600); // The file that bind makes has the mode of the socket, less the umask.
    const address = unixAddress(path);
    if (calls.bind(fd, address, address.length) !== 0) throw new SystemError(`bind to ${path}`);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * sendto(2): sends one datagram to a Unix address; `@` begins an abstract one.
 * @param flags 0 waits for room, `MSG_DONTWAIT` does not.
 * @throws {SystemError} `EAGAIN`, `EMSGSIZE`, `ENOENT`, `ECONNREFUSED` …
 */
export function sendDatagram(fd: number, to: string, bytes: Buffer, flags = 0): void {
  const address = unixAddress(to);
  const sent = calls.sendto(fd, bytes, bytes.length, flags | MSG_NOSIGNAL, address, address.length) as number;
  if (sent < 0) throw new SystemError('sendto');
}

/**
 * send(2) on a connected socket, without waiting.
 * @returns how many bytes the kernel has taken: 0 if there is no room, or the connection is broken.
 */
export function sendNow(fd: number, bytes: Buffer): number {
  return Math.max(calls.send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL) as number, 0);
}

let accept4: KoffiFunc<(fd: number, address: null, length: null, flags: number) => number> | undefined;

/**
 * accept(2): takes a connection that waits, without waiting for one. It is not passed on to children.
 * @returns its descriptor; undefined if none waits.
 * @throws {SystemError} `EMFILE` …
 */
export function accept(fd: number): number | undefined {
  // Looked up here, since not all systems have it.
  accept4 ??= libc.func('int accept4(int fd, void *address, void *length, int flags)');
  const accepted = accept4(fd, null, null, SOCK_CLOEXEC | SOCK_NONBLOCK) as number;
  if (accepted >= 0) return accepted;
  if (koffi.errno() === koffi.os.errno['EAGAIN']) return undefined;
  throw new SystemError('accept4');
}

/** fcntl(2) `F_DUPFD_CLOEXEC`: another descriptor of the same open file. */
export function duplicate(fd: number): number {
  const copy = calls.fcntl(fd, F_DUPFD_CLOEXEC, 'int', 0) as number;
  if (copy < 0) throw new SystemError('fcntl');
  return copy;
}

/** sendmsg(2): sends an open file to a Unix address, with nothing beside it. */
export function sendDescriptor(fd: number, to: string, descriptor: number, flags = 0): void {
  const address = unixAddress(to);
  const controlLength = koffi.sizeof(controlHeader);
  // CMSG_LEN(sizeof(int)): up to the end of the descriptor, without the padding after it.
  const length = koffi.offsetof(controlHeader, 'fd') + koffi.sizeof('int');
  const control = { length, level: SOL_SOCKET, type: SCM_RIGHTS, fd: descriptor };
  const header = {
    address,
    addressLength: address.length,
    parts: null,
    partCount: 0,
    control,
    controlLength,
    flags: 0,
  };
  if ((sendmsg(fd, header, flags | MSG_NOSIGNAL) as number) < 0) throw new SystemError('sendmsg');
}

/** memfd_create(2): a file that has no name and lies in memory. */
export function memoryFile(name: string): number {
  // Looked up here, since only Linux has it.
  const create = libc.func('int memfd_create(const char *name, unsigned int flags)');
  const fd = create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING) as number;
  if (fd < 0) throw new SystemError('memfd_create');
  return fd;
}

/** fcntl(2) `F_ADD_SEALS`: makes a memory file unchangeable. */
export function seal(fd: number): void {
  if (calls.fcntl(fd, F_ADD_SEALS, 'int', ALL_SEALS) !== 0) throw new SystemError('fcntl');
}

/**
 * getsockopt(2) on `SOL_SOCKET`.
 * @returns at most `most` bytes: what the kernel wrote.
 * @throws {SystemError} `ERANGE` if it has more, `ENOTSOCK` …
 */
export function readSocketOption(fd: number, option: number, most: number): Buffer {
  const value = Buffer.alloc(most);
  const length = [most];
  if (calls.getsockopt(fd, SOL_SOCKET, option, value, length) !== 0) throw new SystemError('getsockopt');
  return value.subarray(0, length[0]);
}

/** getsockname(2): the path that a Unix socket is bound to; empty if it has none. */
export function boundPath(fd: number): string {
  const path = socketAddress(fd).subarray(2).toString();
  return path.startsWith('\0') ? `@${path.slice(1)}` : path.replace(/\0.*$/s, '');
}

/** getsockname(2): the `struct sockaddr` that a socket is bound to. */
export function socketAddress(fd: number): Buffer {
  const address = Buffer.alloc(ADDRESS_BYTES);
  const length = [ADDRESS_BYTES];
  if (calls.getsockname(fd, address, length) !== 0) throw new SystemError('getsockname');
  return address.subarray(0, length[0]);
}

/** `struct sockaddr_un`. */
function unixAddress(path: string): Buffer {
  const family = Buffer.alloc(2);
  new Uint16Array(family.buffer, family.byteOffset, 1)[0] = AF_UNIX; // in the machine's own byte order
  const name = path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`;
  return Buffer.concat([family, Buffer.from(name)]);
}
