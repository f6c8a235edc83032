import type { DestinationStream } from 'pino';

import { systemCode } from '../errors.ts';
import { logEvents } from '../log-events.ts';
import type { LogEvent } from '../log-events.ts';
import type { JournalField } from '../linux/journal.ts';
import type { Origin } from './origin.ts';
import { printable, printableLines } from './printable.ts';

/** What one line of pino's holds. */
interface Line {
  level: string;
  msg: string;
  event?: LogEvent;
  origin?: Origin;
  [field: string]: unknown;
}

/** What is said of lines that nobody took in time, with their number. */
export const DROPPED = 'log lines were dropped: nobody read them in time';

/** syslog's numbers of pino's levels. */
const priorities: Record<string, number> = { debug: 7, info: 6, warn: 4, error: 3 };
/** What is said of a client in a line about one: alone, PID and UID would be taken for the daemon's own. */
const clientFields = new Set(['name', 'pid', 'uid', 'gid', 'groups', 'gatewayPid']);

/**
 * A destination of pino's that writes to the journal, with a journal field for each field of a line.
 * @param send Sends one entry; throws `EAGAIN` while the journal does not keep up: the line is dropped then,
 * and counted.
 * @param otherwise Takes a line that cannot be sent for another reason.
 */
export function journalStream(
  send: (fields: readonly JournalField[]) => void,
  otherwise: (line: string) => void,
): DestinationStream {
  let dropped = 0;
  return {
    write(text) {
      const { time: _, ...line } = JSON.parse(text) as Line & { time: number };
      try {
        if (dropped > 0)
          send(journalFields({ event: 'lines-dropped', level: 'warn', msg: DROPPED, dropped }));
        dropped = 0;
        send(journalFields(line));
      } catch (error) {
        if (systemCode(error) === 'EAGAIN') dropped++;
        else otherwise(text);
      }
    },
  };
}

/** An entry: what `journalctl` shows as MESSAGE, and a field for all that it can be asked for. */
export function journalFields({ level, msg, event, origin, ...rest }: Line): JournalField[] {
  const facts = Object.entries(rest);
  const words = facts
    .filter(([name, value]) => !hasLines(name, value))
    .map(([name, value]) => `${name}=${wordOf(value)}`);
  const texts = facts
    .filter(([name, value]) => hasLines(name, value))
    .map(([, text]) => printableLines(String(text)));
  return [
    ['MESSAGE', [[msg, ...words].join(' '), ...texts].join('\n')],
    ['PRIORITY', String(priorities[level] ?? 6)],
    ['SYSLOG_IDENTIFIER', 'chimed'],
    ...(event ? [['MESSAGE_ID', logEvents[event]] as const, ['EVENT', event] as const] : []),
    ...(origin ? originFields(origin) : []),
    ...facts.flatMap(([name, value]) => {
      const field = fieldName('client' in rest && clientFields.has(name) ? `client_${name}` : name);
      return valuesOf(value).map((text) => [field, text] as const);
    }),
  ];
}

function originFields({ file, line, function: name }: Origin): JournalField[] {
  return [['CODE_FILE', file], ['CODE_LINE', String(line)], ...(name ? [['CODE_FUNC', name] as const] : [])];
}

/** `upSeconds` is UP_SECONDS; the journal takes nothing but A-Z, 0-9 and _. */
function fieldName(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toUpperCase()
    .replace(/[^A-Z0-9_]/g, '_')
    .slice(0, 64);
}

/** A list is one field for each item, so that each can be found. */
function valuesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(valuesOf);
  return [typeof value === 'string' ? value : JSON.stringify(value)];
}

/** What has several lines of its own follows the line. No client has a say in these. */
function hasLines(name: string, value: unknown): boolean {
  return (name === 'stack' || name === 'error') && typeof value === 'string' && value.includes('\n');
}

/** A value in a line: as it is if it is one word, else in quotes. */
function wordOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(wordOf).join(' ')}]`;
  if (typeof value !== 'string') return JSON.stringify(value);
  const text = printable(value);
  return /^[^\s"=]+$/.test(text) ? text : `"${printable(value.replace(/["\\]/g, '\\$&'))}"`;
}
