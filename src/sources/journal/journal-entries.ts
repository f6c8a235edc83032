import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { messageOf } from '../../errors.ts';
import { checkJournalAccess } from './journal-access.ts';
import { cursorOf, readEntry } from './journal-entry.ts';
import type { JournalEntry } from './journal-entry.ts';
import { journalArguments, listOf } from './journal-matches.ts';
import type { JournalMatches, JournalPosition } from './journal-matches.ts';
import { runLineProgram } from '../processes/line-program.ts';
import { systemSurroundings } from '../processes/system-program.ts';
import type { SourceContext, StreamSource, StreamStart } from '../source.ts';

/** How much longer than a payload a line of journalctl can be: a byte that cannot be printed takes four, and others' names. */
const LINE_TIMES = 5;
const LINE_OVERHEAD_BYTES = 16 * 1024;
const MACHINE_ID = '/etc/machine-id';

/** Where a run of journalctl has come to. */
interface Reached {
  /** The last entry that was read, else where the run began. */
  position: JournalPosition;
  /** It has ended by itself. */
  failed: boolean;
}

/**
 * Follows the journal by journalctl. Each entry is a payload, see `JournalEntry`. After an interruption it goes on behind
 * the entry that was sent last.
 */
export function journalSource(matches: JournalMatches, context: SourceContext): StreamSource {
  const { topic, maxBytes, timeoutMs, logger } = context;
  const directory =
    matches.directory === undefined ? undefined : resolve(context.directory, matches.directory);
  const fields = listOf(matches.fields);
  const surroundings = systemSurroundings(topic);
  let last: Reached | undefined;

  /** After a sleep, what was sent counts and not what was read: `every` drops what has yet to be sent. */
  const startAt = ({ goesOn, since, latest }: StreamStart): JournalPosition => {
    if (!goesOn) return { since };
    if (last?.failed) return last.position;
    const cursor = cursorOf(latest);
    return cursor === undefined ? (last?.position ?? { since }) : { cursor };
  };

  return {
    async run(signal, sink, from) {
      const start = startAt(from);
      const reached: Reached = (last = { position: start, failed: false });
      let unseen = 'cursor' in start ? start.cursor : undefined;
      const onLine = (line: Buffer, cut: boolean): void => {
        if (signal.aborted) return;
        if (cut) return sink.fail(`an entry of the journal has more than ${maxBytes} bytes (maxBytes)`);
        let entry;
        try {
          entry = readEntry(String(line), fields);
        } catch (error) {
          return sink.fail(`journalctl printed a line that is not an entry: ${messageOf(error)}`);
        }
        const before = unseen;
        unseen = undefined;
        reached.position = { cursor: entry.cursor };
        if (isOwnDebugLine(entry)) return;
        if (entry.cursor === before) return; // It begins with the entry that was sent last.
        if (before !== undefined)
          sink.fail(
            'entries may be missing: the journal no longer has the entry that was sent last; see SystemMaxUse= and RuntimeMaxUse= in journald.conf',
          );
        sink.send(entry);
      };
      const machineId = directory === undefined ? await readMachineId() : undefined;
      const program = {
        ...surroundings,
        name: 'journalctl',
        argv: journalArguments(matches, start, { directory, machineId }),
        maxLineBytes: LINE_TIMES * maxBytes + LINE_OVERHEAD_BYTES,
        logger,
        onLine,
      };
      try {
        await checkJournalAccess(surroundings, { directory, timeoutMs }, signal);
        await runLineProgram(program, sink, signal);
      } catch (error) {
        reached.failed = true;
        throw error;
      }
    },
  };
}

/** At level debug, the daemon logs each message that it sends: as an entry, that would be the next message. */
function isOwnDebugLine({ pid, priority }: JournalEntry): boolean {
  return pid === process.pid && priority === 'debug';
}

async function readMachineId(): Promise<string | undefined> {
  try {
    return (await readFile(MACHINE_ID, 'utf8')).trim() || undefined;
  } catch {
    return undefined; // Without one, there are no other machines' journals beside this one's.
  }
}
