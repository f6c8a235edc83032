import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { pino } from 'pino';
import type { DestinationStream, Logger, LoggerOptions } from 'pino';

import type { LogFormat, LogLevel } from '../config/config.ts';
import { messageOf } from '../errors.ts';
import type { JournalField } from '../linux/journal.ts';
import { DROPPED, journalStream } from './journal-stream.ts';
import { originOfCall } from './origin.ts';
import { LAST_LINES_MS } from './standard-output.ts';
import { printableJson, printableLine } from './printable.ts';

/** Bytes of log lines that may wait for whoever reads our output; past that they are dropped, and counted. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

export interface DaemonLogger {
  logger: Logger;
  /** Whether lines go to the journal. */
  toJournal: boolean;
  /** Writes out what waits, if somebody reads it. Nothing is logged after that. */
  close(): Promise<void>;
}

type Output = ReturnType<typeof pino.destination>;
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
  const { send, problem } = await openJournal(format);
  if (send) {
    const stream = journalStream(send, (line) => output.write(line));
    return withClose(
      pino({ ...options, formatters, mixin: () => ({ origin: originOfCall() }) }, stream),
      output,
      true,
    );
  }
  const pretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  const logger = pretty
    ? pino(options, await prettyStream(output))
    : pino({ ...options, formatters }, { write: (line) => void output.write(printableJson(line)) });
  reportDropped(output, logger);
  if (problem !== undefined)
    logger.warn(
      { event: 'no-journal', error: problem },
      'the journal cannot be reached: log lines go to stdout',
    );
  return withClose(logger, output, false);
}

/** Not by `flushSync`: it tries for ever, and whoever reads our output may have gone, or stand still. */
function withClose(logger: Logger, output: Output, toJournal: boolean): DaemonLogger {
  return {
    logger,
    toJournal,
    async close() {
      logger.level = 'silent';
      const closed = once(output, 'close').catch(() => {}); // Nobody reads the lines; nobody misses them.
      output.end();
      await Promise.race([closed, wait(LAST_LINES_MS)]);
      output.destroy();
    },
  };
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

function openOutput(): Output {
  // By opening it, `process.stdout` has a pipe not wait: a thread that does would keep us from exiting.
  const dest = process.stdout.fd;
  const output = pino.destination({ dest, sync: false, maxLength: MAX_WAITING_BYTES });
  // A full disk, say, must not stop the daemon: what could not be written is tried again with the next line.
  return output.on('error', () => {});
}

function reportDropped(output: Output, logger: Logger): void {
  let dropped = 0;
  output.on('drop', () => dropped++);
  output.on('drain', () => {
    if (dropped === 0) return;
    const count = dropped;
    dropped = 0;
    logger.warn({ event: 'lines-dropped', dropped: count }, DROPPED);
  });
}

async function prettyStream(output: Output): Promise<DestinationStream> {
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({
    colorize: process.stdout.isTTY && !process.env['NO_COLOR'],
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    errorLikeObjectKeys: ['err'],
    ignore: 'event', // It is for programs; people read the words.
  });
  // It escapes all control characters of what others say but these.
  return { write: (line) => void output.write(printableLine(pretty(line) ?? '')) };
}
