import { availableParallelism } from 'node:os';

import type { Entrant } from './entrant.ts';
import { missingPackages } from './needs.ts';
import type { Need } from './needs.ts';
import type { Work } from './works/work.ts';

/** What one run can choose. It changes the figures, so every table states it. */
export const conditions = { pinned: false, warmUpSeconds: 1 };

const CLIENTS_CORE = '0';
const SERVER_CORE = '1';
const taskset: Need = { path: 'taskset', package: 'util-linux' };

/** Reports whether this machine has a core for the server, one for the clients, and taskset. */
export function canPin(): boolean {
  return availableParallelism() >= 2 && missingPackages([taskset]).length === 0;
}

/** The words that start a server or its publisher on the core of servers. */
export function onServerCore(): readonly string[] {
  return conditions.pinned ? ['taskset', '--cpu-list', SERVER_CORE] : [];
}

/** The same for clients. */
export function onClientsCore(): readonly string[] {
  return conditions.pinned ? ['taskset', '--cpu-list', CLIENTS_CORE] : [];
}

/** The conditions of a work's table. */
export function described({ cold, allCores }: Work<Entrant>): string {
  const warmUp = cold ? 'no warm-up' : `${conditions.warmUpSeconds} s of warm-up`;
  const pinned = `server and publisher on core ${SERVER_CORE}, clients on core ${CLIENTS_CORE}`;
  return `${warmUp}, ${conditions.pinned && !allCores ? pinned : 'not pinned'}`;
}
