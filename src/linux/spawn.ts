/** Starts programs by libc. */
import { constants } from 'node:os';
import { promisify } from 'node:util';
import koffi from 'koffi';

import { SystemError } from './system-error.ts';

if (process.platform !== 'linux') throw new Error('the constants are those of Linux');

const O_CLOEXEC = 0o2000000;
const O_RDWR = 2;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const WNOHANG = 1;
const POSIX_SPAWN_SETSIGDEF = 4;
const POSIX_SPAWN_SETSIGMASK = 8;
const POSIX_SPAWN_SETSID = 128;
/** More than libc's structures take: a `posix_spawnattr_t` has 336 bytes, a `posix_spawn_file_actions_t` 80. */
const STRUCTURE_BYTES = 1024;
const SIGNAL_SET_BYTES = 128;

const libc = koffi.load(null);
const posixSpawn = libc.func(
  'int posix_spawn(void *pid, const char *path, void *actions, void *attributes, const char **argv, const char **env)',
);
const callSpawn = promisify(posixSpawn.async) as (...values: unknown[]) => Promise<number>;
const initActions = libc.func('int posix_spawn_file_actions_init(void *actions)');
const destroyActions = libc.func('int posix_spawn_file_actions_destroy(void *actions)');
const addOpen = libc.func(
  'int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, uint32_t mode)',
);
const addDuplicate = libc.func('int posix_spawn_file_actions_adddup2(void *actions, int fd, int newFd)');
const addDirectory = libc.func('int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)');
const initAttributes = libc.func('int posix_spawnattr_init(void *attributes)');
const setFlags = libc.func('int posix_spawnattr_setflags(void *attributes, short flags)');
const setDefaults = libc.func('int posix_spawnattr_setsigdefault(void *attributes, const void *signals)');
const setMask = libc.func('int posix_spawnattr_setsigmask(void *attributes, const void *signals)');
const pipe2 = libc.func('int pipe2(void *fds, int flags)');
const socketpair = libc.func('int socketpair(int domain, int type, int protocol, void *fds)');
const closeFd = libc.func('int close(int fd)');
const waitpid = libc.func('int waitpid(int pid, void *status, int options)');

/** A session of its own, with all signals as they are by default. */
const attributes = Buffer.alloc(STRUCTURE_BYTES);
initAttributes(attributes);
setDefaults(attributes, Buffer.alloc(SIGNAL_SET_BYTES, 0xff));
setMask(attributes, Buffer.alloc(SIGNAL_SET_BYTES));
setFlags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);

/** The process numbers of programs that are being started: 0 until libc has written them. */
const starting = new Set<Int32Array>();

/** Reports whether a program is being started of which there is no process yet. Does not need the event loop. */
export function isStarting(): boolean {
  return [...starting].some((pid) => Atomics.load(pid, 0) === 0);
}

/**
 * posix_spawn(3): starts a program in a session of its own, in the root directory, with `/dev/null` as its input. Unlike
 * fork(2), with which Node starts programs, it copies none of this process's page tables: a fork takes 8 ms of a process
 * of 200 MB on some machines, and makes all of its threads pay for each page that they write to next.
 *
 * It blocks until the program runs, on a busy machine for tens of milliseconds. One of libuv's threads waits for that,
 * and is the parent of the process: as long as this process lives, so does that thread.
 * @param descriptors What the program has from descriptor 1 on. They must stay open until this has settled.
 * @returns its process number.
 */
export async function spawnProgram(
  file: string,
  argv: readonly string[],
  env: readonly string[],
  descriptors: readonly number[],
): Promise<number> {
  // koffi copies strings before it queues the call. It does not copy these two, so they must outlive the call.
  const actions = Buffer.alloc(STRUCTURE_BYTES);
  const pid = new Int32Array(new ArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  initActions(actions);
  try {
    addDirectory(actions, '/');
    addOpen(actions, 0, '/dev/null', O_RDWR, 0);
    for (const [index, fd] of descriptors.entries()) addDuplicate(actions, fd, index + 1);
    starting.add(pid);
    const errno = await callSpawn(pid, file, actions, attributes, [...argv, null], [...env, null]);
    if (errno !== 0) throw new SystemError('posix_spawn', errno);
    return pid[0]!;
  } finally {
    starting.delete(pid);
    destroyActions(actions);
  }
}

/** pipe2(2): the ends to read from and to write to; programs that are started do not inherit them. */
export function pipe(): [number, number] {
  const fds = new Int32Array(2);
  if (pipe2(fds, O_CLOEXEC) !== 0) throw new SystemError('pipe2');
  return [fds[0]!, fds[1]!];
}

/** socketpair(2): two ends of a connection; programs that are started do not inherit them. */
export function connectedPair(): [number, number] {
  const fds = new Int32Array(2);
  if (socketpair(AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0, fds) !== 0) throw new SystemError('socketpair');
  return [fds[0]!, fds[1]!];
}

/** close(2) of a descriptor that Node has not opened. */
export function close(fd: number): void {
  closeFd(fd);
}

/** waitpid(2) without waiting: how a program ended, and undefined as long as it runs. Tells it once. */
export function exitOf(
  pid: number,
): { code: number | null; signal: NodeJS.Signals | null } | { failure: string } | undefined {
  const status = new Int32Array(1);
  const ended = waitpid(pid, status, WNOHANG) as number;
  if (ended === 0) return undefined;
  if (ended < 0) return { failure: 'somebody else has asked how it ended' };
  const signal = status[0]! & 0x7f;
  if (signal === 0) return { code: (status[0]! >> 8) & 0xff, signal: null };
  return { code: null, signal: signalNames.get(signal) ?? 'SIGKILL' };
}

const signalNames = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals]),
);
