import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';

import { ChimedError, messageOf, systemCode } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { SavedMessages } from './message-log.ts';

/** What goes on after a restart: the instance, and each topic's numbering and kept messages. */
export interface State {
  instance: string;
  topics: Record<string, SavedMessages>;
}

const VERSION = 1;
/** How a state begins, of whichever version: what begins like it is ours, though it be damaged. */
const BEGINNING = /^\{"version":\d+,"instance":"/;
/** The shortest beginning: a state that was cut off within it is ours as well. */
const SHORTEST = `{"version":${VERSION},"instance":"`;

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
 * numbered since is lost, and only a new instance tells clients so. One that is damaged is moved aside.
 * @throws {ChimedError} `bad-config` if the file is somebody else's.
 */
export function takeState(file: string | undefined, logger: Logger): State {
  if (file === undefined) return newState();
  const text = readOwn(file);
  if (text === '') return newState();
  try {
    const state = parseState(text);
    unlinkSync(file);
    return state;
  } catch (error) {
    const fresh = newState();
    const aside = `${file}.bad-${fresh.instance}`; // A name that nothing has: nothing is lost.
    logger.warn(
      { file, error: messageOf(error), ...(moveAside(file, aside) && { movedTo: aside }) },
      'the saved state cannot be used: a new numbering begins',
    );
    return fresh;
  }
}

/**
 * The text of a state, whole or damaged; empty if there is none.
 * @throws {ChimedError} `bad-config` if the file is no state of ours, which we may neither remove nor replace.
 */
function readOwn(file: string): string {
  const refuse = (why: string): never => {
    const what = 'name another file, or move this one away';
    throw new ChimedError('bad-config', `state.file: ${file} ${why}; ${what}`);
  };
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    if (!found) return '';
    if (!found.isFile()) return refuse('is not a regular file');
    const text = readFileSync(file, 'utf8');
    return isOwn(text) ? text : refuse("is there already and is no state of chimed's");
  } catch (error) {
    if (error instanceof ChimedError) throw error;
    return refuse(`cannot be read: ${messageOf(error)}`);
  }
}

function isOwn(text: string): boolean {
  if (SHORTEST.startsWith(text) || BEGINNING.test(text)) return true;
  if (/^\0*$/.test(text)) return true; // What a power cut may leave of it.
  try {
    parseState(text); // Whole, but laid out by somebody else.
    return true;
  } catch {
    return false;
  }
}

function moveAside(file: string, aside: string): boolean {
  try {
    renameSync(file, aside);
    return true;
  } catch {
    return false; // Then nothing can be saved there either, and that is said when we stop.
  }
}

/** Leaves the state for the next daemon: whole, or not at all, and never in the place of somebody else's file. */
export function saveState(file: string, state: State): void {
  readOwn(file);
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
