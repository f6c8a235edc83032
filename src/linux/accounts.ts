import { execFileSync } from 'node:child_process';

import { ChimedError } from '../errors.ts';

/**
 * The id of a group, asked of the system's own `getent`, which knows groups that no file lists.
 * @throws {ChimedError} `bad-config` if there is no such group.
 */
export function groupId(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  try {
    const line = execFileSync('getent', ['group', group], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Number(line.split(':')[2]);
  } catch (error) {
    throw new ChimedError('bad-config', `socket.group: there is no group ${group} on this machine`, {
      cause: error,
    });
  }
}
