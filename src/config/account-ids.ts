import { messageOf } from '../errors.ts';
import { lookUpGroups, lookUpUsers } from '../linux/accounts.ts';
import type { IdOf } from '../linux/accounts.ts';
import type { Access, Accounts } from './config.ts';
import { isMapping } from './format.ts';
import { formats } from './formats.ts';
import type { Complain } from './mistakes.ts';

type RawAccess = Partial<Record<keyof Access, (string | number)[]>>;

/** Whom a configuration names, looked up. */
export interface Ids {
  user: IdOf;
  group: IdOf;
}

/** Looks up whom the topics, `socket.group`, and `web.user` and `nats.user` name, all at once. */
export function lookUpAll(rawTopics: unknown, socketGroup: unknown, programUsers: readonly unknown[]): Ids {
  const topics = isMapping(rawTopics) ? Object.values(rawTopics).filter(isMapping) : [];
  const names = topics.flatMap(({ access }) => {
    return formats.access.check(access)
      ? Object.values(access as RawAccess)
          .flat()
          .map(String)
      : [];
  });
  const groups = names.filter(isGroup).map((name) => name.slice(1));
  return {
    user: lookUpUsers([
      ...names.filter((name) => !isGroup(name)),
      ...programUsers.filter((name) => typeof name === 'string'),
    ]),
    group: lookUpGroups(typeof socketGroup === 'string' ? [...groups, socketGroup] : groups),
  };
}

/** Reads a topic's `access`. @param source The key of the topic's source. */
export function readAccess(raw: unknown, source: string | undefined, ids: Ids, complain: Complain): Access {
  if (!formats.access.check(raw)) return {}; // Not there, or complained of already.
  const { subscribe, publish, provide } = raw as RawAccess;
  if (publish && source !== 'publish')
    complain('access.publish goes with publish: true', 'access', 'publish');
  if (provide && source !== 'provide')
    complain('access.provide goes with provide: true', 'access', 'provide');
  const accounts = (names: (string | number)[], right: string): Accounts =>
    accountsOf(names.map(String), ids, (message) => complain(message, 'access', right));
  return {
    ...(subscribe && { subscribe: accounts(subscribe, 'subscribe') }),
    ...(publish && { publish: accounts(publish, 'publish') }),
    ...(provide && { provide: accounts(provide, 'provide') }),
  };
}

function accountsOf(names: readonly string[], ids: Ids, complain: (message: string) => void): Accounts {
  const uids: number[] = [];
  const gids: number[] = [];
  for (const name of names) {
    try {
      if (isGroup(name)) gids.push(ids.group(name.slice(1)));
      else uids.push(ids.user(name));
    } catch (error) {
      complain(messageOf(error));
    }
  }
  return { uids, gids };
}

function isGroup(name: string): boolean {
  return name.startsWith('@');
}
