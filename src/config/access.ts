import { messageOf } from '../errors.ts';
import { groupId, userId } from '../linux/accounts.ts';
import type { Access, Accounts } from './config.ts';
import { formats } from './formats.ts';
import type { Complain } from './mistakes.ts';

/** Reads a topic's `access` and looks up whom it names. */
export function readAccess(raw: unknown, publishable: boolean, complain: Complain): Access {
  if (!formats.access.check(raw)) return {}; // Not there, or complained of already.
  const { subscribe, publish } = raw as { subscribe?: string[]; publish?: string[] };
  if (publish && !publishable) complain('access.publish goes with publish: true', 'access', 'publish');
  return {
    ...(subscribe && { subscribe: lookUp(subscribe, (message) => complain(message, 'access', 'subscribe')) }),
    ...(publish && { publish: lookUp(publish, (message) => complain(message, 'access', 'publish')) }),
  };
}

function lookUp(names: readonly string[], complain: (message: string) => void): Accounts {
  const uids: number[] = [];
  const gids: number[] = [];
  for (const name of names) {
    try {
      if (name.startsWith('@')) gids.push(groupId(name.slice(1)));
      else uids.push(userId(name));
    } catch (error) {
      complain(messageOf(error));
    }
  }
  return { uids, gids };
}
