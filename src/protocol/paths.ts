import { existsSync, lstatSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where the machine's own daemon listens: on the socket that chimed.socket makes, or, without that unit, in the
 * runtime directory that chimed.service has.
 */
export const SYSTEM_PATHS: readonly string[] = ['/run/chimed/chimed.sock', '/run/chimed/daemon/chimed.sock'];

const SOCKET = 'chimed.sock';
const ROOT = 0;
const WRITE_BY_OTHERS = 0o022;

/**
 * Where a daemon listens, unless told otherwise: `$CHIMED_SOCKET_PATH`; `chimed.sock` in `$RUNTIME_DIRECTORY` (systemd's);
 * for root in `/run/chimed`; in `$XDG_RUNTIME_DIR/chimed`, unless it is another user's; in `/run/user/UID/chimed`, if
 * there is such a directory; else in a directory of the user's own under the temporary directory.
 */
export function defaultSocketPath(env: Environment = process.env): string {
  if (env['CHIMED_SOCKET_PATH']) return env['CHIMED_SOCKET_PATH'];
  // systemd joins several runtime directories with colons; ours comes first.
  const runtime = env['RUNTIME_DIRECTORY']?.split(':')[0];
  if (runtime) return join(runtime, SOCKET);
  const uid = process.getuid!();
  if (uid === ROOT) return SYSTEM_PATHS[0]!;
  const xdg = env['XDG_RUNTIME_DIR'];
  if (xdg && ownerOf(xdg, uid) === uid) return join(xdg, 'chimed', SOCKET);
  const usual = userRuntimeDirectory(uid);
  return join(ownerOf(usual) === uid ? join(usual, 'chimed') : temporaryDirectory(uid), SOCKET);
}

/**
 * The places where a client looks for a daemon, unless told otherwise, in their order: `$CHIMED_SOCKET_PATH` alone, if it
 * is set; else those of a daemon of this user's (`$XDG_RUNTIME_DIR/chimed`, `/run/user/UID/chimed`, a directory under
 * the temporary one), then those of the machine's.
 */
export function socketPaths(env: Environment = process.env): string[] {
  if (env['CHIMED_SOCKET_PATH']) return [env['CHIMED_SOCKET_PATH']];
  // Root's own daemon is the machine's.
  const own = process.getuid!() === ROOT ? [] : userDirectories(env);
  return [...new Set([...own.map((directory) => join(directory, SOCKET)), ...SYSTEM_PATHS])];
}

/**
 * The first of the places of a daemon (docs/wire.md#finding-the-daemon) in which there is a socket now; the first
 * place if there is none. Whether a daemon answers there only connecting can tell: `connect` tries all of them.
 */
export function findSocketPath(env: Environment = process.env): string {
  const places = socketPaths(env);
  const isUsable = (path: string): boolean => existsSync(path) && !isForeignDirectory(dirname(path), env);
  return places.find(isUsable) ?? places[0]!;
}

/**
 * Reports whether the directory is one in which a daemon of this user's listens by default, and another user made
 * it first or can write to it. Neither a daemon nor a client may use it then.
 */
export function isForeignDirectory(directory: string, env: Environment = process.env): boolean {
  const uid = process.getuid!();
  if (!userDirectories(env).includes(directory)) return false;
  try {
    const found = lstatSync(directory, { throwIfNoEntry: false });
    return (
      found !== undefined &&
      (!found.isDirectory() || found.uid !== uid || (found.mode & WRITE_BY_OTHERS) !== 0)
    );
  } catch {
    return true; // This user cannot even look at it.
  }
}

/** Where daemons of this user's listen by default. */
function userDirectories(env: Environment): string[] {
  const uid = process.getuid!();
  const bases = runtimeDirectories(env, uid).map((base) => join(base, 'chimed'));
  return [...bases, temporaryDirectory(uid)];
}

/** cron and su leave `$XDG_RUNTIME_DIR` unset, or set to another user's. */
function runtimeDirectories(env: Environment, uid: number): string[] {
  const usual = userRuntimeDirectory(uid);
  return env['XDG_RUNTIME_DIR'] ? [env['XDG_RUNTIME_DIR'], usual] : [usual];
}

/** systemd makes it for each user who is logged in. */
function userRuntimeDirectory(uid: number): string {
  return `/run/user/${uid}`;
}

/** @param absent What to return if there is no such directory. */
function ownerOf(directory: string, absent?: number): number | undefined {
  try {
    return statSync(directory, { throwIfNoEntry: false })?.uid ?? absent;
  } catch {
    return undefined; // This user cannot even look at it.
  }
}

function temporaryDirectory(uid: number): string {
  return join(tmpdir(), `chimed-${uid}`);
}
