import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

import { ChimedError, isRefusal, messageOf, systemCode } from '../errors.ts';
import { loadIfSupported } from '../linux/if-supported.ts';
import type { EventLog } from '../log-events.ts';

export function sameFile(one: Stats | undefined, other: Stats | undefined): boolean {
  return one !== undefined && other !== undefined && one.ino === other.ino && one.dev === other.dev;
}

export interface Lock {
  /** Reports whether the file that is locked is still the one at its path. */
  inPlace(): boolean;
  release(): void;
}

/** How often, and in steps of how many ms, a refused start looks for the owner's pid before it gives up. */
const PID_LOOKS = 100;
const PID_STEP_MS = 10;

const { O_APPEND, O_CREAT, O_RDWR, O_NOFOLLOW, O_NONBLOCK } = constants;
/** Follows no link to somebody else's file, and waits for no pipe. */
const FLAGS = O_APPEND | O_CREAT | O_RDWR | O_NOFOLLOW | O_NONBLOCK;
/** The longest that the owner writes, with room to spare: a longer file is not a lock. */
const MOST_BYTES = 32;

/**
 * Takes the lock beside a socket. The file stays when we are gone: removing it would let two daemons lock
 * two files of the same name.
 * @throws {ChimedError} `socket-in-use`, naming the owner's pid; `not-permitted`, `cannot-listen`.
 */
export async function lockFile(
  file: string,
  socketPath: string,
  setting: string,
  logger: EventLog,
): Promise<Lock> {
  const flock = await loadIfSupported(
    async () => (await import('../linux/libc.ts')).flock,
    'no-file-lock',
    'no file lock here: two daemons started at the same moment may both get the socket',
    logger,
  );
  for (;;) {
    const fd = open(file, setting);
    const isLocked = !flock || flock(fd);
    if (isLocked && isAt(file, fd)) return own(file, fd);
    closeSync(fd);
    if (!isLocked) break;
    // The file was removed before we locked it, and would keep nobody out.
  }
  const pid = await ownerPid(file);
  const owner = pid === undefined ? 'another daemon' : `a daemon with pid ${pid}`;
  throw new ChimedError(
    'socket-in-use',
    `${owner} owns ${socketPath}; stop it, or choose another ${setting}`,
  );
}

function own(file: string, fd: number): Lock {
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`, 0);
  return {
    inPlace: () => isAt(file, fd),
    release() {
      ftruncateSync(fd);
      closeSync(fd);
    },
  };
}

function isAt(file: string, fd: number): boolean {
  return sameFile(fstatSync(fd), lstatSync(file, { throwIfNoEntry: false }));
}

function open(file: string, setting: string): number {
  let fd: number;
  try {
    fd = openSync(file, FLAGS, 0o600);
  } catch (error) {
    if (['ELOOP', 'EISDIR'].includes(systemCode(error) ?? '')) throw notALock(file, setting);
    throw new ChimedError(
      isRefusal(error) ? 'not-permitted' : 'cannot-listen',
      `the lock beside the socket cannot be opened: ${messageOf(error)}`,
      { cause: error },
    );
  }
  if (isLock(fd)) return fd;
  closeSync(fd);
  throw notALock(file, setting);
}

/** A lock is empty, holds a pid, or NULs after a power cut: whatever else is in the file is somebody else's. */
function isLock(fd: number): boolean {
  const found = fstatSync(fd);
  return (
    found.isFile() &&
    found.nlink <= 1 &&
    found.size <= MOST_BYTES &&
    /^[\d\n\0]*$/.test(readFileSync(fd, 'utf8'))
  );
}

function notALock(file: string, setting: string): ChimedError {
  return new ChimedError(
    'cannot-listen',
    `${file} exists and is not a lock of chimed's; move it away, or choose another ${setting}`,
  );
}

/** The owner writes its pid right after it has the lock; until then the file may hold a dead one's. */
async function ownerPid(file: string): Promise<number | undefined> {
  for (let look = 0; look < PID_LOOKS; look++) {
    const pid = writtenPid(file);
    if (pid > 0 && isAlive(pid)) return pid;
    await wait(PID_STEP_MS);
  }
  return undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

function writtenPid(file: string): number {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10);
  } catch {
    return Number.NaN; // It has been removed meanwhile.
  }
}
