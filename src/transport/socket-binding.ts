import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import type { Server } from 'node:net';

/** Where a socket is made, and who can connect to it. */
export interface SocketPlace {
  path: string;
  mode: number;
  gid?: number;
  backlog: number;
}

/**
 * Makes `server` listen at a place that is free. Mode and group are right before anybody can connect, and closing
 * the server does not remove what is at the path.
 * @returns the socket's file.
 * @throws what the system says; nothing is left behind then.
 */
export type Bind = (server: Server, place: SocketPlace) => Stats;

/** Bytes of a path that the kernel takes: `sun_path`, less the final NUL, and less the suffix that `byRename` needs. */
const SUFFIX = process.platform === 'linux' ? '' : '.new';
export const LONGEST_PATH = 107 - SUFFIX.length;

/** open(2), for Linux: no more than a handle on what is at the path. */
const O_PATH = 0o10000000;

/** The best way that this system has. */
export async function loadBinding(): Promise<Bind> {
  if (process.platform !== 'linux') return byRename;
  try {
    const { boundSocket } = await import('../linux/libc.ts');
    return (server, place) => byDescriptor(boundSocket(fileName(place.path)), server, place);
  } catch {
    return byRename; // There is no koffi for this machine, as the missing lock has said already.
  }
}

/** An @ at the beginning would mean an abstract socket, which has no file. */
function fileName(path: string): string {
  return path.startsWith('@') ? `./${path}` : path;
}

/**
 * Nobody can connect to a socket before it listens, and it does so once its group and mode are right. Node knows
 * the descriptor alone: it would unlink a name, even if another daemon has it by then.
 */
function byDescriptor(fd: number, server: Server, { path, mode, gid, backlog }: SocketPlace): Stats {
  let made: Stats | undefined;
  try {
    made = setAccess(path, mode, gid);
    server.listen({ fd }, backlog); // As an option beside `fd`, Node would ignore it and take 511.
    if (!server.listening) throw new Error('the descriptor cannot be listened on');
    return made;
  } catch (error) {
    if (made) rmSync(path, { force: true });
    closeSync(fd);
    throw error;
  }
}

/** By a handle, so that nothing that takes the place of the socket meanwhile is changed. */
function setAccess(path: string, mode: number, gid: number | undefined): Stats {
  const handle = openSync(path, O_PATH | constants.O_NOFOLLOW);
  try {
    const byHandle = `/proc/self/fd/${handle}`;
    const target = existsSync(byHandle) ? byHandle : path;
    if (gid !== undefined) chownSync(target, -1, gid);
    chmodSync(target, mode);
    return fstatSync(handle);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(handle);
  }
}

/** Where Node has to bind: beside the path, for this user alone; then the name that Node would unlink is another one. */
function byRename(server: Server, { path, mode, gid, backlog }: SocketPlace): Stats {
  const unfinished = `${path}.new`;
  rmSync(unfinished, { force: true });
  const umask = process.umask(0o177);
  try {
    server.listen({ path: unfinished, backlog });
  } finally {
    process.umask(umask);
  }
  try {
    if (gid !== undefined) chownSync(unfinished, -1, gid);
    chmodSync(unfinished, mode);
    const made = lstatSync(unfinished);
    renameSync(unfinished, path);
    return made;
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}
