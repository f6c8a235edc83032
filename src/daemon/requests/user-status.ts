import { STATUS_PAGE } from '../../protocol/limits.ts';
import type { UserStatus } from '../../protocol/status-snapshot.ts';
import type { User } from '../subscribers/user.ts';

/** Clients that are looked at in one piece of work. */
const PIECE = 100;

/** The users that have clients, those with the most first, in pieces. */
export function* userStatus(users: Iterable<User>): Generator<void, UserStatus[]> {
  const found = new Map<number | undefined, UserStatus>();
  let looked = 0;
  for (const { uid, clients } of users) {
    if (clients.size === 0) continue;
    // What a gateway asks for root is counted apart, and shown with the rest of root's.
    const status = found.get(uid) ?? { uid: uid ?? null, clients: 0, pendingBytes: 0 };
    found.set(uid, status);
    for (const { pendingBytes } of clients) {
      status.clients++;
      status.pendingBytes += pendingBytes;
      if (++looked % PIECE === 0) yield;
    }
  }
  return [...found.values()].toSorted((one, other) => other.clients - one.clients).slice(0, STATUS_PAGE);
}
