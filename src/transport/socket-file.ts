import { chmodSync, chownSync, lstatSync, mkdirSync, renameSync, rmSync, unlinkSync, watch } from 'node:fs';
import type { FSWatcher, Stats } from 'node:fs';
import { createConnection } from 'node:net';
import type { Server } from 'node:net';
import { dirname } from 'node:path';

import { ChimedError, isRefusal, messageOf, systemCode } from '../errors.ts';
import type { InheritedSocket } from '../linux/activation.ts';
import type { Logger } from '../log.ts';
import { isForeignDirectory } from '../protocol/paths.ts';
import { lockFile } from './lock-file.ts';
import type { Lock } from './lock-file.ts';

export interface SocketOptions {
  path: string;
  /** Permission bits; connecting needs write permission. */
  mode: number;
  /** Group id of the socket, or undefined to leave the process's own. */
  gid?: number;
  /** Connections that the kernel keeps for us until we accept them. */
  backlog: number;
  logger: Logger;
}

/** A path that is ours: nobody else will listen on it while this process lives. */
export interface SocketFile {
  readonly path: string;
  /** Makes `server` listen on the path. Again, with another server, if the socket is gone. */
  open(server: Server): void;
  /**
   * Calls `gone` when somebody has taken the socket away. Not for an inherited one, which is not ours.
   * @param gone `vacant` is false if something else is at the path now.
   */
  watch(gone: (vacant: boolean) => void): void;
  /** Removes the socket if it is still the one that we made, and lets go of the path. */
  release(): void;
}

/** Bytes of a path that the kernel takes (`sun_path`, less the final NUL and our suffix for making it). */
const SUFFIX = '.new';
const LONGEST_PATH = 107 - SUFFIX.length;

/**
 * Claims a path: a lock first, then a call to see whether somebody answers. A stale socket is ours to
 * replace; a live one, or anything that is not a socket, is never touched.
 * @throws {ChimedError} `socket-in-use`, `not-a-socket`, `not-permitted`, `cannot-listen`.
 */
export async function claimSocket(options: SocketOptions): Promise<SocketFile> {
  const { path } = options;
  if (process.platform === 'win32') return namedPipe(options);
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw new ChimedError(
      'cannot-listen',
      `the socket path has more than ${LONGEST_PATH} bytes: ${path}; choose a shorter socket.path`,
    );
  }
  prepareDirectory(dirname(path));
  const lock = await lockFile(`${path}.lock`, path, options.logger);
  try {
    await assertNobodyAnswers(path);
  } catch (error) {
    lock.release();
    throw error;
  }
  return socketFile(options, lock);
}

function socketFile({ path, mode, gid, backlog }: SocketOptions, lock: Lock): SocketFile {
  let made: Stats | undefined;
  let gone: ((vacant: boolean) => void) | undefined;
  let watcher: FSWatcher | undefined;

  /** Of the socket alone: whatever else happens in its directory would wake us. */
  const startWatching = (): void => {
    if (!gone) return;
    try {
      watcher = watch(path, { persistent: false }, look).on('error', () => watcher?.close());
    } catch {
      // Systems with kqueue cannot watch a socket; there, nobody notices that it is gone.
    }
  };
  const look = (): void => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!made || sameFile(made, found)) return;
    watcher?.close();
    made = undefined; // Told once, until it is made again.
    gone?.(found === undefined);
  };
  return {
    path,
    /*
     * The socket is made beside the path, for this user alone, and gets its group and its mode before it
     * is renamed into place: nobody can connect before they are right. The rename replaces a stale socket
     * in one step. It also keeps Node, which unlinks the name that it bound, from unlinking the path of a
     * daemon that may have come after us. The lock makes the name beside the path ours, too.
     */
    open(server) {
      const unfinished = path + SUFFIX;
      rmSync(unfinished, { force: true });
      const umask = process.umask(0o177);
      try {
        server.listen({ path: unfinished, backlog });
      } finally {
        process.umask(umask);
      }
      if (!server.listening) return; // The server's own error event says why.
      try {
        if (gid !== undefined) chownSync(unfinished, -1, gid);
        chmodSync(unfinished, mode);
        made = lstatSync(unfinished);
        renameSync(unfinished, path);
      } catch (error) {
        rmSync(unfinished, { force: true });
        throw error;
      }
      startWatching();
    },
    watch(listener) {
      gone = listener;
      startWatching();
    },
    release() {
      watcher?.close();
      if (made && sameFile(made, lstatSync(path, { throwIfNoEntry: false }))) unlinkSync(path);
      lock.release();
    },
  };
}

/** A Windows named pipe: the system refuses a second owner, and nothing is left behind. */
function namedPipe({ path, backlog }: SocketOptions): SocketFile {
  return { path, open: (server) => server.listen({ path, backlog }), watch() {}, release() {} };
}

/** A socket that was listening before we came and will be when we have gone: its path is not ours to touch. */
export function inheritSocket({ fd, path }: InheritedSocket, backlog: number): SocketFile {
  return { path, open: (server) => server.listen({ fd, backlog }), watch() {}, release() {} };
}

function sameFile(one: Stats, other: Stats | undefined): boolean {
  return other !== undefined && one.ino === other.ino && one.dev === other.dev;
}

function prepareDirectory(directory: string): void {
  try {
    // Others must pass through root's directory; the socket's own mode keeps out whom it should.
    mkdirSync(directory, { recursive: true, mode: process.getuid?.() === 0 ? 0o755 : 0o700 });
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
      `${directory} belongs to somebody else or is open to others; remove it, or choose another socket.path`,
    );
  }
}

/** @throws {ChimedError} if the path is taken: by a listener, or by a file that is no socket. */
async function assertNobodyAnswers(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) {
    throw new ChimedError(
      'not-a-socket',
      `${path} exists and is not a socket; move it away, or choose another socket.path`,
    );
  }
  const outcome = await call(path);
  switch (outcome) {
    case 'ECONNREFUSED': // Stale: the process that made it is gone.
    case 'ENOENT':
      return;
    case 'answered':
    case 'EAGAIN':
      throw new ChimedError(
        'socket-in-use',
        `another program listens on ${path}; stop it, or choose another socket.path`,
      );
    default:
      throw new ChimedError(
        'not-permitted',
        `${path} exists and cannot be called (${outcome}); is it another user's?`,
      );
  }
}

function call(path: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = createConnection(path);
  socket.once('connect', () => resolve('answered'));
  socket.once('error', (error) => resolve(systemCode(error) ?? error.message));
  return promise.finally(() => socket.destroy());
}
