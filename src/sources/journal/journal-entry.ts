/** Names of priorities, by their numbers: the most urgent first. */
export const priorities = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const;
/** The pid of the service manager. */
const MANAGER = '1';

/** An entry of the journal as a message has it. What the entry does not have is absent. */
export interface JournalEntry {
  /** When journald received it, in milliseconds since the epoch. */
  time: number;
  /** The unit that wrote it, or that the service manager wrote about. */
  unit?: string;
  identifier?: string;
  pid?: number;
  priority?: string;
  message?: string;
  /** The further fields that were asked for. */
  fields?: Record<string, string | string[]>;
  cursor: string;
}

/** A line of journalctl: texts; lists of bytes, for what cannot be printed; lists of these; or null if it is too large. */
type RawEntry = Record<string, unknown>;

/** Reads a line that journalctl printed. @throws if it is not an entry. */
export function readEntry(line: string, fields: readonly string[]): JournalEntry {
  const raw = JSON.parse(line) as RawEntry;
  const text = (name: string): string | undefined => textsOf(raw[name])[0];
  const cursor = text('__CURSOR');
  const time = Number(text('__REALTIME_TIMESTAMP'));
  if (cursor === undefined || !Number.isFinite(time)) throw new Error('it has no __CURSOR or no time');
  const pid = text('_PID');
  const about = pid === MANAGER ? text('UNIT') : undefined;
  const others = fields.flatMap((name): [string, string | string[]][] => {
    const [first, ...more] = textsOf(raw[name]);
    return first === undefined ? [] : [[name, more.length > 0 ? [first, ...more] : first]];
  });
  return present({
    time: Math.floor(time / 1000),
    unit: about ?? text('_SYSTEMD_UNIT'),
    identifier: text('SYSLOG_IDENTIFIER'),
    pid: pid === undefined ? undefined : Number(pid),
    priority: priorities[Number(text('PRIORITY') ?? NaN)],
    message: text('MESSAGE'),
    fields: others.length > 0 ? Object.fromEntries(others) : undefined,
    cursor,
  });
}

/** Without the keys that have no value. */
function present(entry: { [Key in keyof JournalEntry]: JournalEntry[Key] | undefined }): JournalEntry {
  return Object.fromEntries(
    Object.entries(entry).filter(([, value]) => value !== undefined),
  ) as unknown as JournalEntry;
}

/** The values of a field: one that is set several times has several. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value) || value.length === 0) return [];
  // What is not UTF-8 in it becomes U+FFFD.
  if (value.every((one) => typeof one === 'number')) return [Buffer.from(value).toString()];
  return value.flatMap(textsOf);
}

/** The cursor of an entry that was sent, as JSON; undefined if it is not one. */
export function cursorOf(json: string | undefined): string | undefined {
  const entry: unknown = json === undefined ? undefined : JSON.parse(json);
  const cursor = typeof entry === 'object' && entry !== null && 'cursor' in entry ? entry.cursor : undefined;
  return typeof cursor === 'string' && /^[a-z]=[\w;=]+$/.test(cursor) ? cursor : undefined;
}
