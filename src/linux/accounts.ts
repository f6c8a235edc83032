import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

import { messageOf } from '../errors.ts';
import { systemProcess, systemProgram } from './programs.ts';

/** Longest that a look-up may take: the accounts may be in a directory on the network. */
const TIMEOUT_MS = 5000;
/** getent(1): a key could not be found. */
const NOT_FOUND = 2;

/** A name that looks like an option is never passed to getent; the other characters are in no account's name. */
const CANNOT_BE_A_NAME = /^-|^$|[\p{Cc}:]/u;

/** The id of one of the names that were looked up. A number stands for itself. @throws if there is none. */
export type IdOf = (name: string) => number;

export function lookUpUsers(names: Iterable<string>): IdOf {
  return lookUp('passwd', 'user', names);
}

export function lookUpGroups(names: Iterable<string>): IdOf {
  return lookUp('group', 'group', names);
}

/** The uid of a user of the system's own, which /etc/passwd lists; undefined if there is none. It takes no process to ask. */
export function systemUser(name: string): number | undefined {
  try {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((entry) => entry.startsWith(`${name}:`));
    return line === undefined ? undefined : Number(line.split(':')[2]);
  } catch {
    return undefined;
  }
}

/** Asks the system's own `getent`, which knows accounts that no file lists: once for all, since the event loop waits. */
function lookUp(database: string, kind: string, names: Iterable<string>): IdOf {
  const asked = [...new Set(names)].filter((name) => !isNumber(name) && !CANNOT_BE_A_NAME.test(name));
  const { ids, failure } = asked.length > 0 ? ask(database, asked) : { ids: new Map<string, number>() };
  return (name) => {
    const id = isNumber(name) ? Number(name) : ids.get(name);
    if (id !== undefined) return id;
    if (CANNOT_BE_A_NAME.test(name))
      throw new Error(`${JSON.stringify(name)} cannot be the name of a ${kind}`);
    throw new Error(
      failure === undefined
        ? `there is no ${kind} ${name} on this machine`
        : `the ${kind} ${name} cannot be looked up with getent: ${failure}`,
    );
  };
}

function ask(database: string, names: string[]): { ids: Map<string, number>; failure?: string } {
  const ids = new Map<string, number>();
  let getent: string;
  try {
    getent = systemProgram('getent');
  } catch (error) {
    return { ids, failure: messageOf(error) };
  }
  const { status, stdout, error } = spawnSync(getent, [database, '--', ...names], {
    ...systemProcess,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: TIMEOUT_MS,
  });
  const entries = (stdout ?? '').split('\n').map((line) => line.split(':'));
  for (const [index, [name, , id]] of entries.entries()) {
    if (!id || !isNumber(id)) continue;
    // In the order of the names, if all are there; an entry may spell its name in another way.
    ids.set(status === 0 ? names[index]! : name!, Number(id));
  }
  if (status === 0 || status === NOT_FOUND) return { ids };
  return { ids, failure: error?.message ?? `it exited with ${status}` };
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}
