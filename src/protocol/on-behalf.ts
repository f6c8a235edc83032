import type { OnBehalfOf } from './messages.ts';

/** Groups of one user: each message of a topic with access lists looks through them. */
const MOST_GROUPS = 1024;
/** The largest id; the next one, (uid_t) -1, means "none" to the kernel. */
const MOST_ID = 2 ** 32 - 2;

/** What `onBehalfOf` must be. */
export const ON_BEHALF_OF = `{ uid, gid, groups? } with ids from 0 to ${MOST_ID} and at most ${MOST_GROUPS} groups, or {} for a peer without credentials`;

/** Reports whether a value names a user for whom requests can be made. Unknown fields are refused: one may be a misspelt `groups`. */
export function isOnBehalfOf(value: unknown): value is OnBehalfOf {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { uid, gid, groups, ...others } = value as Record<string, unknown>;
  if (Object.keys(others).length > 0) return false;
  if (uid === undefined) return gid === undefined && groups === undefined;
  return isId(uid) && isId(gid) && (groups === undefined || isGroupList(groups));
}

function isGroupList(value: unknown): boolean {
  return Array.isArray(value) && value.length <= MOST_GROUPS && value.every(isId);
}

function isId(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MOST_ID;
}
