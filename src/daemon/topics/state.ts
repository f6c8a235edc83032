import { renameSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';

import { ChimedError, messageOf, systemCode } from '../../errors.ts';
import type { EventLog } from '../../log-events.ts';
import {
  assertPrivateDirectory,
  readPrivateFile,
  removeUnfinished,
  replacePrivateFile,
} from './private-file.ts';
import { randomInstance } from './random-instance.ts';
import { decodeState, encodeState, isState } from './state-format.ts';
import type { SavedState } from './state-format.ts';

export type { SavedTopics, SavedState } from './state-format.ts';

export function newState(): SavedState {
  return { instance: randomInstance(), floor: 0, offset: 0, topics: new Map() };
}

/**
 * Takes the state that a stopped daemon left. The file is removed as it is read: if we crash, what we have
 * numbered since is lost, and only a new instance tells clients so. A damaged state is moved aside.
 * @throws {ChimedError} `bad-config` if the file is not a state of this user's, or if other users can write to
 * its directory.
 */
export function takeState(file: string | undefined, logger: EventLog): SavedState {
  if (file === undefined) return newState();
  const bytes = readOwn(file);
  if (bytes.length === 0) return newState();
  try {
    const state = decodeState(bytes);
    unlinkSync(file);
    return state;
  } catch (error) {
    const fresh = newState();
    const aside = `${file}.bad-${fresh.instance}`; // A name that nothing has: nothing is lost.
    logger.warn(
      {
        event: 'state-unusable',
        file,
        error: messageOf(error),
        ...(moveAside(file, aside) && { movedTo: aside }),
      },
      'the saved state cannot be used: a new numbering begins',
    );
    return fresh;
  }
}

/** Leaves the state for the next daemon: whole, or not at all, and never in the place of another file. */
export function saveState(file: string, state: SavedState): void {
  readOwn(file);
  replacePrivateFile(file, encodeState(state));
}

/**
 * A state, whole or damaged; empty if there is none.
 * @throws {ChimedError} `bad-config` if the file is no state of ours, which we may neither remove nor replace.
 */
function readOwn(file: string): Buffer {
  try {
    assertPrivateDirectory(dirname(file));
    removeUnfinished(file);
  } catch (error) {
    // Without its directory there is no state, and saving one says why.
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return Buffer.alloc(0);
    throw refusal(`cannot be used: ${messageOf(error)}`);
  }
  const what = 'name another file, or move this one away';
  let bytes: Buffer | undefined;
  try {
    bytes = readPrivateFile(file);
  } catch (error) {
    const why = systemCode(error) === undefined ? messageOf(error) : `cannot be read: ${messageOf(error)}`;
    throw refusal(`${why}; ${what}`);
  }
  if (!bytes) return Buffer.alloc(0);
  if (!isState(bytes)) throw refusal(`exists and is not a state file of chimed; ${what}`);
  return bytes;

  function refusal(why: string): ChimedError {
    return new ChimedError('bad-config', `state.file: ${file} ${why}`);
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
