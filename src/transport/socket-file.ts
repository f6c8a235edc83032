import type { Server } from 'node:net';

import type { EventLog } from '../log-events.ts';

export interface SocketOptions {
  path: string;
  /** Permission bits; connecting needs write permission. */
  mode: number;
  /** Group id of the socket, or undefined to leave the process's own. */
  gid?: number;
  /** Connections that the kernel keeps for us until we accept them. */
  backlog: number;
  /** What sets the path, as errors name it. */
  setting: 'socket.path' | 'web.socket';
  logger: EventLog;
}

/** A path that is ours: no other daemon listens on it while this process lives. */
export interface SocketFile {
  readonly path: string;
  /** Makes `server` listen on the path. Called again with another server if the socket is gone. */
  open(server: Server): void;
  /**
   * From now on makes the directory, the lock and the socket again when they are removed. Does nothing for an
   * inherited socket, which is not ours.
   * @param reopen Has a new server listen, by `open`. What it or the daemon's place fails with, when nothing helps,
   * is thrown as an unhandled rejection: the daemon cannot be reached any more.
   */
  keep(reopen: () => Promise<void>): void;
  /** Removes the socket if it is still the one that we made, and lets go of the path. */
  release(): void;
}
