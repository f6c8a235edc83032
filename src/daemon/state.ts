import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs';

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
  return { instance: randomBytes(8).toString('hex'), topics: {} };
}

/**
 * Takes the state that a stopped daemon left. The file is removed as it is read: if we crash, what we have
 * numbered since is lost, and only a new instance tells clients so.
 */
export function takeState(file: string | undefined, logger: Logger): State {
  if (file === undefined) return newState();
  try {
    const { version, ...state } = JSON.parse(readFileSync(file, 'utf8')) as State & { version: number };
    unlinkSync(file);
    if (version !== VERSION) throw new Error(`it has version ${version}, and this daemon reads ${VERSION}`);
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
    writeSync(fd, JSON.stringify({ version: VERSION, ...state }));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(unfinished, file);
}
