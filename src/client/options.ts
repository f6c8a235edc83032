import type { Logger } from '../log.ts';

export interface ConnectOptions {
  /** Path of the daemon's socket. @default `$CHIMED_SOCKET_PATH`, else the first place at which a daemon of this user's, or the machine's, listens */
  socket?: string;
  /** What the daemon calls this client in its logs and its status, at most 100 characters. @default none */
  name?: string;
  /** Hears of connections made, lost and retried; a pino logger fits. @default silent */
  logger?: Logger;
  /**
   * Waits between attempts to connect, in milliseconds: a random time up to `minMs`, doubled for each failure
   * up to `maxMs`. `false` gives up at the first failure. @default { minMs: 100, maxMs: 5000 }
   */
  retry?: false | { minMs?: number; maxMs?: number };
  /** How long the daemon may take to answer, and a request may wait for a daemon, in milliseconds. @default 5000 */
  timeoutMs?: number;
  /** Closes the client when it aborts. */
  signal?: AbortSignal;
}

export interface ListenOptions {
  /** Messages kept for a loop that is slower than its topics; past that the oldest are dropped. @default 1000 */
  buffer?: number;
}

export interface StatusOptions {
  /** Topics or patterns to list. @default all */
  topics?: readonly string[];
}

export const DEFAULT_RETRY = { minMs: 100, maxMs: 5000 };
export const DEFAULT_TIMEOUT_MS = 5000;
export const DEFAULT_BUFFER = 1000;
