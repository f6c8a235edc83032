import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { messageOf } from '../../errors.ts';
import { sourceEnvironment } from '../environment.ts';
import { checkJournalAccess } from './journal-access.ts';
import { cursorOf, readEntry } from './journal-entry.ts';
import type { JournalEntry } from './journal-entry.ts';
import { journalArguments, listOf } from './journal-matches.ts';
import type { JournalMatches, Start } from './journal-matches.ts';
import { runLineProgram } from '../processes/line-program.ts';
import type { SourceContext, StreamSource } from '../source.ts';

/** How much longer than a payload a line of journalctl can be: a byte that cannot be printed takes four, and others' names. */
const LINE_TIMES = 5;
const LINE_OVERHEAD_BYTES = 16 * 1024;
const MACHINE_ID = '/etc/machine-id';
/** How long after journalctl has ended by itself the next run goes on where it was, in milliseconds. */
const RESUME_MS = 70_000;

/**
 * Follows the journal by journalctl. Each entry is a payload, see `JournalEntry`. After an interruption it goes on behind
 * the entry that was sent last.
 */
export function journalSource(matches: JournalMatches, context: SourceContext): StreamSource {
  const { topic, maxBytes, timeoutMs, logger } = context;
  const directory =
    matches.directory === undefined ? undefined : resolve(context.directory, matches.directory);
  const fields = listOf(matches.fields);
  const env = { ...sourceEnvironment(topic), LC_ALL: 'C' };
  /** Where to go on after journalctl has ended by itself, and until when, on the monotonic clock. */
  let resume: { start: Start; until: number } | undefined;

  return {
    async run(signal, sink, latest) {
      const isRecent = resume !== undefined && performance.now() < resume.until;
      const start = isRecent ? resume!.start : startAfter(latest);
      let position = start === 'now' ? { since: Date.now() } : start;
      let unseen = 'cursor' in position ? position.cursor : undefined;
      const onLine = (line: Buffer, cut: boolean): void => {
        if (cut) return sink.fail(`an entry of the journal has more than ${maxBytes} bytes (maxBytes)`);
        let entry;
        try {
          entry = readEntry(String(line), fields);
        } catch (error) {
          return sink.fail(`journalctl printed a line that is not an entry: ${messageOf(error)}`);
        }
        const before = unseen;
        unseen = undefined;
        position = { cursor: entry.cursor };
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
        topic,
        name: 'journalctl',
        argv: journalArguments(matches, start, { directory, machineId }),
        directory: '/',
        env,
        maxLineBytes: LINE_TIMES * maxBytes + LINE_OVERHEAD_BYTES,
        logger,
        onLine,
      };
      resume = undefined;
      try {
        await checkJournalAccess({ topic, env }, { directory, timeoutMs }, signal);
        await runLineProgram(program, sink, signal);
      } catch (error) {
        resume = { start: position, until: performance.now() + RESUME_MS };
        throw error;
      }
    },
  };
}

function startAfter(latest: string | undefined): Start {
  const cursor = cursorOf(latest);
  return cursor === undefined ? 'now' : { cursor };
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
