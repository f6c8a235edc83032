import { existsSync, lstatSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where the machine's own daemon listens: on the socket that chimed.socket makes, or, without that unit, in the
 * runtime directory that chimed.service has.
 */
const SYSTEM_PATHS = ['/run/chimed/chimed.sock', '/run/chimed/daemon/chimed.sock'];

/**
 * Where a daemon listens, unless told otherwise: `$CHIMED_SOCKET_PATH`, `$RUNTIME_DIRECTORY` (systemd's), `/run/chimed` for
 * root, `$XDG_RUNTIME_DIR/chimed`, else a directory of the user's own under the temporary directory.
 */
export function defaultSocketPath(env: Environment = process.env): string {
  if (env['CHIMED_SOCKET_PATH']) return env['CHIMED_SOCKET_PATH'];
  if (process.platform === 'win32') return `\\\\.\\pipe\\chimed-${userInfo().username}`;
  return join(socketDirectory(env), 'chimed.sock');
}

/**
 * Where a client finds its daemon, unless told otherwise: `$CHIMED_SOCKET_PATH`, else the socket of a daemon of
 * this user's, else that of the machine's, whichever there is now.
 */
export function findSocketPath(env: Environment = process.env): string {
  // A client that is a service has a runtime directory of its own, in which there is no daemon.
  const own = defaultSocketPath({ ...env, RUNTIME_DIRECTORY: undefined });
  if (env['CHIMED_SOCKET_PATH']) return own;
  return [own, ...SYSTEM_PATHS].find((path) => existsSync(path)) ?? own;
}

function socketDirectory(env: Environment): string {
  // systemd joins several runtime directories with colons; ours comes first.
  const runtime = env['RUNTIME_DIRECTORY']?.split(':')[0];
  if (runtime) return runtime;
  const uid = process.getuid?.() ?? 0;
  if (uid === 0) return '/run/chimed';
  if (env['XDG_RUNTIME_DIR']) return join(env['XDG_RUNTIME_DIR'], 'chimed');
  return ownTemporaryDirectory(uid);
}

function ownTemporaryDirectory(uid: number): string {
  return join(tmpdir(), `chimed-${uid}`);
}

/**
 * Reports whether the directory is the one of ours under the temporary directory, and somebody else made
 * it first or may write to it. Neither a daemon nor a client has any business in it then.
 */
export function isForeignDirectory(directory: string): boolean {
  const uid = process.getuid?.();
  if (uid === undefined || directory !== ownTemporaryDirectory(uid)) return false;
  const found = lstatSync(directory, { throwIfNoEntry: false });
  return found !== undefined && (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0);
}
