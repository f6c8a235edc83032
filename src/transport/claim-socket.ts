import { lstatSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';

import { ChimedError, systemCode } from '../errors.ts';
import type { InheritedSocket } from '../linux/activation.ts';
import { ClaimedSocket } from './claimed-socket.ts';
import { lockFile } from './lock-file.ts';
import { LONGEST_PATH, loadBinding } from './socket-binding.ts';
import { makeSocketDirectory } from './socket-directory.ts';
import type { SocketFile, SocketOptions } from './socket-file.ts';

/**
 * Claims a path: a lock first, then a call to see whether a program answers. A stale socket is ours to replace; a
 * live one, or anything that is not a socket, is never touched.
 * @throws {ChimedError} `socket-in-use`, `not-a-socket`, `not-permitted`, `cannot-listen`.
 */
export async function claimSocket(options: SocketOptions): Promise<SocketFile> {
  const { path, setting } = options;
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw new ChimedError(
      'cannot-listen',
      `the socket path has more than ${LONGEST_PATH} bytes: ${path}; choose a shorter ${setting}`,
    );
  }
  const claim = { lock: () => lockPlace(options), stale: () => findStale(path, setting) };
  const lock = await claim.lock();
  try {
    const stale = await claim.stale();
    return new ClaimedSocket(options, claim, { lock, stale }, await loadBinding());
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function lockPlace({ path, mode, setting, logger }: SocketOptions) {
  makeSocketDirectory(dirname(path), mode, setting);
  return lockFile(`${path}.lock`, path, setting, logger);
}

/** A socket that was listening before we came and will be when we have gone: its path is not ours to touch. */
export function inheritSocket({ fd, path }: InheritedSocket, backlog: number): SocketFile {
  return { path, open: (server) => server.listen({ fd }, backlog), keep() {}, release() {} };
}

/**
 * The socket at the path on which no program listens; undefined if nothing is there.
 * @throws {ChimedError} if the path is taken: by a listener, or by a file that is no socket.
 */
async function findStale(path: string, setting: string): Promise<Stats | undefined> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return undefined;
  if (!found.isSocket()) {
    throw new ChimedError(
      'not-a-socket',
      `${path} exists and is not a socket; move it away, or choose another ${setting}`,
    );
  }
  const outcome = await call(path);
  switch (outcome) {
    case 'ECONNREFUSED': // Stale: the process that made it is gone.
    case 'ENOENT':
      return found;
    case 'answered':
    case 'EAGAIN':
      throw new ChimedError(
        'socket-in-use',
        `another program listens on ${path}; stop it, or choose another ${setting}`,
      );
    default:
      throw new ChimedError(
        'not-permitted',
        `${path} exists, but connecting to it fails (${outcome}); does it belong to another user?`,
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
