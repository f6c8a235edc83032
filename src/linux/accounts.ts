import { execFileSync } from 'node:child_process';

/** Longest that a look-up may take: the accounts may be in a directory on the network. */
const TIMEOUT_MS = 5000;
/** getent(1): a key could not be found. */
const NOT_FOUND = 2;

/** @throws if there is no user of this name. A number stands for itself. */
export function userId(name: string): number {
  return idOf('passwd', 'user', name);
}

/** @throws if there is no group of this name. A number stands for itself. */
export function groupId(name: string): number {
  return idOf('group', 'group', name);
}

/** Asks the system's own `getent`, which knows accounts that no file lists. */
function idOf(database: string, kind: string, name: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  const entry = ask(database, kind, name);
  return Number(entry.split(':')[2]);
}

function ask(database: string, kind: string, name: string): string {
  try {
    return execFileSync('getent', [database, name], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: TIMEOUT_MS,
    });
  } catch (error) {
    const { status } = error as { status?: number | null };
    if (status === NOT_FOUND)
      throw new Error(`there is no ${kind} ${name} on this machine`, { cause: error });
    throw new Error(`the ${kind} ${name} cannot be looked up with getent: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
