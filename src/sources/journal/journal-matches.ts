/** What selects entries of the journal. Values of one key are alternatives; all keys must match. */
export interface JournalMatches {
  /** Names of units; without a type, of services. */
  unit?: string | readonly string[];
  identifier?: string | readonly string[];
  /** A name or a number: that and all more urgent ones; or a range, `A..B`. */
  priority?: string | number;
  /** `FIELD=value`, see systemd.journal-fields(7). */
  match?: string | readonly string[];
  /** Further fields that a message has. */
  fields?: string | readonly string[];
  /** Directory of the journal's files. @default the journal of this machine */
  directory?: string;
}

/** Where entries begin: with the one that has a cursor, or at a time in milliseconds since the epoch. */
export type JournalPosition = { cursor: string } | { since: number };

/** Fields that messages are made of. */
const FIELDS = ['MESSAGE', 'PRIORITY', 'SYSLOG_IDENTIFIER', '_PID', '_SYSTEMD_UNIT', 'UNIT'];

/**
 * The arguments of journalctl that follow the journal.
 * @param directory Absolute. @param machineId Without a directory: that of this machine.
 */
export function journalArguments(
  { unit, identifier, priority, match, fields }: JournalMatches,
  start: JournalPosition,
  { directory, machineId }: { directory?: string | undefined; machineId?: string | undefined },
): string[] {
  return [
    'journalctl',
    '--follow',
    '--output=json',
    '--all', // Without it, values of more than 4 KiB are null.
    // Otherwise only entries of the current boot follow; but it also reads the journals of other machines.
    '--merge',
    `--output-fields=${[...FIELDS, ...listOf(fields)].join(',')}`,
    '--no-tail',
    'cursor' in start ? `--cursor=${start.cursor}` : `--since=@${(start.since / 1000).toFixed(3)}`,
    ...(directory === undefined ? [] : [`--directory=${directory}`]),
    ...listOf(unit).map((name) => `--unit=${name}`),
    ...listOf(identifier).map((name) => `--identifier=${name}`),
    ...(priority === undefined ? [] : [`--priority=${priority}`]),
    '--',
    ...listOf(match),
    ...(directory === undefined && machineId !== undefined ? [`_MACHINE_ID=${machineId}`] : []),
  ];
}

/** One value or several, as a list. */
export function listOf(values: string | readonly string[] = []): readonly string[] {
  return typeof values === 'string' ? [values] : values;
}
