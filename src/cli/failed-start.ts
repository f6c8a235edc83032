import type { LogFormat } from '../config/config.ts';
import { logFormats } from '../config/formats.ts';
import { ChimedError, messageOf } from '../errors.ts';
import { exitCodeOf } from './exit-codes.ts';
import type { DaemonLogger } from './logger.ts';

/** What there is of a daemon or a gateway that cannot start. */
export interface FailedStart {
  error: unknown;
  /** Absent if the configuration, which says how to log, could not be read. The caller closes it. */
  log: DaemonLogger | undefined;
  /** How to log if there is no `log`. */
  format: string | undefined;
  /** Tells the clients that wait in systemd's sockets; absent without such sockets. */
  refuse: (() => Promise<void>) | undefined;
}

/**
 * Says why it cannot start: in the journal as an error, and to the clients that wait in systemd's socket.
 * @returns the exit code.
 * @throws the error itself if lines do not go to the journal: then it belongs on stderr.
 */
export async function failStart({ error, log, format, refuse }: FailedStart): Promise<number> {
  const { logger, close, toJournal } = log ?? (await defaultLog(format));
  if (toJournal) {
    const code = error instanceof ChimedError ? error.code : undefined;
    logger.error({ event: 'cannot-start', code, error: messageOf(error) }, 'cannot start');
  }
  await refuse?.();
  if (!log) await close();
  if (!toJournal) throw error;
  return exitCodeOf(error);
}

async function defaultLog(format: string | undefined): Promise<DaemonLogger> {
  const { createLogger } = await import('./logger.ts');
  const known = logFormats.find((name) => name === format) satisfies LogFormat | undefined;
  return createLogger('info', known ?? 'auto');
}
