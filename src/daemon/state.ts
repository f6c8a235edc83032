import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';

import { messageOf, systemCode } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { SavedMessages } from './message-log.ts';

/** What goes on after a restart: the instance, and each topic's numbering and kept messages. */
export interface State {
  instance: string;
  topics: Record<string, SavedMessages>;
}

const VERSION = 1;

export function newState(): State {
  return { instance: randomDigits() + randomDigits(), topics: {} };
}

/** They tell one numbering from the next and keep no secret: loading `node:crypto` would take 5 % of our start. */
function randomDigits(): string {
  return Math.floor(Math.random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0');
}

/**
 * Takes the state that a stopped daemon left. The file is removed as it is read: if we crash, what we have
 * numbered since is lost, and only a new instance tells clients so.
 */
export function takeState(file: string | undefined, logger: Logger): State {
  if (file === undefined) return newState();
  try {
    const state = parseState(readFileSync(file, 'utf8'));
    unlinkSync(file);
    return state;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') {
      logger.warn(
        { file, error: messageOf(error) },
        'the saved state cannot be used: a new numbering begins',
      );
    }
    return newState();
  }
}

/** Leaves the state for the next daemon: whole, or not at all. */
export function saveState(file: string, state: State): void {
  const unfinished = `${file}.new`;
  const fd = openSync(unfinished, 'w', 0o600);
  try {
    writeFileSync(fd, JSON.stringify({ version: VERSION, ...state }));
    syncToDisk(fd);
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
}

function syncToDisk(fd: number): void {
  try {
    fsyncSync(fd);
  } catch (error) {
    // Some file systems cannot; then the write is all there is.
    if (systemCode(error) !== 'EINVAL') throw error;
  }
}

/** @throws if the text is not a state of ours. */
function parseState(text: string): State {
  const value = JSON.parse(text) as Partial<State> & { version?: unknown };
  if (value?.version !== VERSION) throw new Error(`it is not a state of version ${VERSION}`);
  const { instance, topics } = value;
  if (typeof instance !== 'string' || typeof topics !== 'object' || topics === null) {
    throw new Error('it lacks the instance or the topics');
  }
  for (const [topic, saved] of Object.entries(topics)) {
    if (!Number.isSafeInteger(saved?.seq) || !Array.isArray(saved.messages)) {
      throw new Error(`its numbering of ${topic} is broken`);
    }
  }
  return { instance, topics };
}
