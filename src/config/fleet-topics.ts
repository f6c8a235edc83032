import { FLEET_LINK } from '../protocol/fleet-link.ts';
import { REMOTE } from '../protocol/fleet-names.ts';
import type { Accounts, NatsConfig } from './config.ts';
import { readTopics } from './read-topics.ts';
import type { Topics } from './read-topics.ts';

/** Topics of other machines, and the state of the link to them. */
const fleetTopics = {
  [`${REMOTE}.>`]: { provide: true, maxTopics: 10_000, totalBytes: '64MiB' },
  [FLEET_LINK]: { provide: true, always: true, metrics: true },
};

/**
 * The topics of a configuration and, if it has a bridge, those that only the bridge's user can provide. What the file
 * defines itself stays as it is.
 */
export function withFleetTopics(own: Topics, nats: NatsConfig | undefined): Topics {
  if (!nats) return own;
  const provide: Accounts = { uids: nats.uid === undefined ? [] : [nats.uid], gids: [] };
  const { topics, namespaces } = readTopics(fleetTopics, nobody, Infinity, []);
  const added = <T extends { name: string }>(all: readonly T[], more: readonly T[]): T[] => [
    ...all,
    ...more
      .filter(({ name }) => !all.some((topic) => topic.name === name))
      .map((topic) => ({ ...topic, access: { provide } })),
  ];
  return { topics: added(own.topics, topics), namespaces: added(own.namespaces, namespaces) };
}

/** They name no account. */
const nobody = { user: unknown, group: unknown };

function unknown(name: string): never {
  throw new Error(`there is no account ${name}`);
}
