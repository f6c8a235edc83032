import type { Reloaded } from '../../protocol/messages.ts';
import type { Session } from '../session.ts';
import type { Admission } from '../subscribers/admission.ts';
import type { SubscriptionIndex } from '../subscribers/subscription-index.ts';
import type { Users } from '../subscribers/users.ts';
import type { Offsets } from '../topics/offsets.ts';
import type { TopicSet } from '../topics/topic-set.ts';
import type { Announcer } from './announcer.ts';
import type { DaemonFacts } from './snapshot.ts';

/** What requests work on. */
export interface RequestContext {
  topics: TopicSet;
  index: SubscriptionIndex;
  /** The daemon's numbering. */
  instance: string;
  offsets: Offsets;
  clients: ReadonlyMap<number, Session>;
  users: Users;
  admission: Admission;
  /** Tells clients which topics they hear, after these have come or gone. */
  announcer: Announcer;
  /** Uid of the gateway's user, if there is one. */
  gateway: () => number | undefined;
  maxPatterns: () => number;
  facts: () => DaemonFacts;
  frameBytes: number;
  /** Loads the configuration again. Rejects if it has mistakes. */
  reload: () => Promise<Omit<Reloaded, 'id'>>;
}
