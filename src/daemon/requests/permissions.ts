import type { TopicConfig } from '../../config/config.ts';
import { ChimedError } from '../../errors.ts';
import { clipped } from '../../text.ts';
import type { Session } from '../session.ts';
import { includes, isPrivileged } from '../subscribers/access.ts';
import type { Topic } from '../topics/topic.ts';

/** Reports whether a client may hear a topic: what it may not hear it does not see. */
export function mayHear(client: Session, topic: Topic): boolean {
  return topic.audience.mayHear(client);
}

/** @throws {ChimedError} `not-allowed` if the topic's `access` does not let the client register for it. */
export function checkMayHear(client: Session, topic: Topic): void {
  if (!mayHear(client, topic)) throw notAllowed(client, topic.name, 'register for', 'subscribe');
}

/** The same of a topic that does not exist, but will once a client provides it. */
export function checkMayAwait(client: Session, name: string, { access }: TopicConfig): void {
  if (!includes(access.subscribe, client.peer)) throw notAllowed(client, name, 'register for', 'subscribe');
}

/**
 * @throws {ChimedError} `not-allowed` if the topic's `access` does not let the client provide it, or `not-providable` if
 * it has another source. A client that may neither hear nor provide is not told more.
 */
export function checkMayProvide(client: Session, name: string, { access, source }: TopicConfig): void {
  const isProvided = source.kind === 'provide';
  if (!includes(isProvided ? access.provide : access.subscribe, client.peer))
    throw notAllowed(client, name, 'provide', 'provide');
  if (isProvided) return;
  throw new ChimedError(
    'not-providable',
    `${clipped(name)} has another source; only a topic with provide: true can be provided`,
  );
}

/** Reports whether a client may publish to a topic, and the topic takes what clients publish. */
export function canPublish({ peer }: Session, { config: { access, source } }: Topic): boolean {
  return source.kind === 'publish' && includes(access.publish, peer);
}

/**
 * @throws {ChimedError} `not-allowed` if the topic's `access` does not let the client publish to it. A client that may
 * neither hear nor publish is not told more.
 */
export function checkMayPublish(client: Session, topic: Topic): void {
  const { access, source } = topic.config;
  const may = includes(access.publish, client.peer) && (source.kind === 'publish' || mayHear(client, topic));
  if (!may) throw notAllowed(client, topic.name, 'publish to', 'publish');
}

/** Reports whether a client sees what root and the daemon's own user see. */
export function seesAll({ peer }: Session): boolean {
  return isPrivileged(peer?.uid);
}

/** @throws {ChimedError} `not-allowed` unless root or the daemon's own user asks, and no gateway for one of them. */
export function checkIsPrivileged({ user, onBehalfOf }: Session, action: string): void {
  if (user.isPrivileged && !onBehalfOf) return;
  const how = onBehalfOf ? ', and not through a gateway' : '';
  throw new ChimedError('not-allowed', `only root and the user that runs chimed can ${action}${how}`);
}

function notAllowed(client: Session, name: string, action: string, right: string): ChimedError {
  const who = client.peer ? `the user with uid ${client.peer.uid}` : 'a peer without credentials';
  const message = `${who} may not ${action} ${clipped(name)}; the topic's access.${right} says who may`;
  return new ChimedError('not-allowed', message);
}
