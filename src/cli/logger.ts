import { pino } from 'pino';
import type { Logger, LoggerOptions } from 'pino';

import type { LogFormat, LogLevel } from '../config/config.ts';
import { messageOf } from '../errors.ts';
import type { JournalField } from '../linux/journal.ts';
import { DROPPED, journalStream, withOrigin } from './journal-stream.ts';

/** Bytes of log lines that may wait for whoever reads our output; past that they are dropped, and counted. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

export interface DaemonLogger {
  logger: Logger;
  /** Writes out what waits. */
  flush(): void;
}

type Output = ReturnType<typeof openOutput>;
type Send = (fields: readonly JournalField[]) => void;

/** JSON names levels rather than numbering them. */
const formatters = { level: (label: string) => ({ level: label }) };

/**
 * Makes the daemon's logger. `auto` writes to the journal if systemd connects us to it, pretty lines on a
 * terminal, and JSON otherwise. Nothing waits for who reads the lines: a stopped reader does not stop the ticks.
 */
export async function createLogger(level: LogLevel, format: LogFormat): Promise<DaemonLogger> {
  const options: LoggerOptions = { level, base: null };
  const output = openOutput();
  const flush = (): void => output.flushSync();
  const { send, problem } = await openJournal(format);
  if (send) {
    const stream = journalStream(send, (line) => output.write(line));
    return { logger: pino({ ...options, formatters, mixin: withOrigin }, stream), flush };
  }
  const pretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  const logger = pretty
    ? pino(options, await prettyStream(output))
    : pino({ ...options, formatters }, output);
  reportDropped(output, logger);
  if (problem !== undefined)
    logger.warn({ error: problem }, 'the journal cannot be reached: log lines go to stdout');
  return { logger, flush };
}

/** The way to the journal, if lines are to go there; or why there is none, although they are. */
async function openJournal(format: LogFormat): Promise<{ send?: Send; problem?: string }> {
  if (format !== 'journal' && !(format === 'auto' && process.env['JOURNAL_STREAM'])) return {};
  try {
    const journal = await import('../linux/journal.ts');
    if (format === 'auto' && !journal.isJournalStream()) return {}; // We write to somebody else.
    return { send: journal.openJournal() };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

function openOutput() {
  return pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING_BYTES });
}

function reportDropped(output: Output, logger: Logger): void {
  let dropped = 0;
  output.on('drop', () => dropped++);
  output.on('drain', () => {
    if (dropped === 0) return;
    const count = dropped;
    dropped = 0;
    logger.warn({ dropped: count }, DROPPED);
  });
}

async function prettyStream(destination: Output) {
  const { PinoPretty } = await import('pino-pretty');
  return PinoPretty({
    colorize: process.stdout.isTTY && !process.env['NO_COLOR'],
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    errorLikeObjectKeys: ['err'],
    destination,
  });
}
