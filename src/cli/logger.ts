import { pino } from 'pino';
import type { Logger } from 'pino';

import type { LogFormat, LogLevel } from '../config/config.ts';

/** Bytes of log lines that may wait for whoever reads our output; past that they are dropped, and counted. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

export interface DaemonLogger {
  logger: Logger;
  /** Writes out what waits. */
  flush(): void;
}

/**
 * Makes the daemon's logger: lines on stdout, pretty on a terminal, JSON otherwise. Lines are written in the
 * background, so that a stopped reader of the log does not stop the ticks.
 */
export async function createLogger(level: LogLevel, format: LogFormat): Promise<DaemonLogger> {
  const destination = pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING_BYTES });
  let dropped = 0;
  destination.on('drop', () => dropped++);
  destination.on('drain', () => {
    if (dropped === 0) return;
    const count = dropped;
    dropped = 0;
    logger.warn({ dropped: count }, 'log lines were dropped: nobody read them in time');
  });
  const pretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  const stream = pretty ? await prettyStream(destination) : destination;
  const logger = pino(
    { level, base: null, ...(!pretty && { formatters: { level: (label) => ({ level: label }) } }) },
    stream,
  );
  return { logger, flush: () => destination.flushSync() };
}

async function prettyStream(destination: ReturnType<typeof pino.destination>) {
  const { PinoPretty } = await import('pino-pretty');
  return PinoPretty({
    colorize: process.stdout.isTTY && !process.env['NO_COLOR'],
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    errorLikeObjectKeys: ['err'],
    destination,
  });
}
