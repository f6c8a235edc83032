import { ChimedError } from '../../errors.ts';
import type { ProvidedAnswer, Rejection, Request } from '../../protocol/messages.ts';
import { clipped } from '../../text.ts';
import type { Session } from '../session.ts';
import { NOBODY_PROVIDES, recoveredFrame, unprovidedFrame } from '../topics/source-notices.ts';
import type { Topic } from '../topics/topic.ts';
import { checkMayProvide } from './permissions.ts';
import { rejection } from './rejection.ts';
import type { RequestContext } from './request-context.ts';
import { visibleTopic } from './topic-requests.ts';

/** Topics that a log line names. */
const NAMED = 20;

/** Makes a client the source of topics, as far as it may be; the others are refused one by one. */
export function* provide(
  client: Session,
  { topics: names, id }: Request & { kind: 'provide' | 'unprovide' },
  context: RequestContext,
): Generator<void> {
  client.isProvider = true;
  client.introduce();
  const provided: Topic[] = [];
  for (const [index, name] of names.entries()) {
    try {
      if (!client.provided.has(name)) provided.push(provideOne(client, name, context));
    } catch (error) {
      client.refuse({ ...rejection(error), request: 'chimed.provide', topic: name });
      if (client.full) {
        // As many refusals wait for it as may, and a frame has room for many topics.
        const message = `Too many topics were refused; the remaining ${names.length - index - 1} topics of the request are refused as well.`;
        client.refuse({ code: 'too-many-topics', message, request: 'chimed.provide' });
        break;
      }
    }
    yield;
  }
  logTopics(client, 'topics-provided', provided, 'client provides topics');
  answer(client, id);
  for (const topic of provided) {
    topic.announceDemand(client);
    yield;
  }
}

/** @throws {ChimedError} if the client cannot provide it. */
function provideOne(client: Session, name: string, context: RequestContext): Topic {
  const { topics, index, announcer } = context;
  const topic = topics.get(name);
  const namespace = topic ? undefined : topics.namespaceOf(name);
  if (!namespace) {
    const existing = topic ?? visibleTopic(client, name, context);
    checkMayProvide(client, name, existing.config);
    checkIsFree(existing, context);
    existing.provide(client);
    return existing;
  }
  checkMayProvide(client, name, namespace.config);
  const { topic: created, added } = topics.addProvided(name, namespace, client);
  // Those who asked for this very topic were told that no client provides it.
  const waiting = index.find(name)?.subscribers ?? [];
  for (const subscriber of waiting)
    if (created.audience.mayHear(subscriber)) subscriber.notice(name, recoveredFrame(name, 1));
  for (const subscriber of added) announcer.announce(subscriber as Session);
  return created;
}

/** @throws {ChimedError} `already-provided`, unless the other client has left and is about to be forgotten. */
function checkIsFree({ name, provider }: Topic, { clients }: RequestContext): void {
  const other = provider && clients.get(provider.id);
  if (!other || other.hasLeft) return;
  const { id, peer, name: called } = other;
  const who = `client ${id}${peer ? `, pid ${peer.pid}` : ''}${called === undefined ? '' : `, ${JSON.stringify(clipped(called))}`}`;
  throw new ChimedError('already-provided', `${name} is provided by another client already (${who})`);
}

/** Gives up topics. One of a namespace does not exist any more then; its numbering goes on if it comes again. */
export function* unprovide(
  client: Session,
  { topics: names, id }: Request & { kind: 'provide' | 'unprovide' },
  context: RequestContext,
): Generator<void> {
  const { topics, index, announcer } = context;
  const givenUp: Topic[] = [];
  for (const name of names) {
    const topic = client.provided.has(name) ? topics.get(name) : undefined;
    if (!topic) continue;
    givenUp.push(topic);
    if (topic.namespace) {
      for (const subscriber of topics.remove(topic).removed) announcer.announce(subscriber as Session);
      const waiting = index.find(name)?.subscribers ?? [];
      for (const subscriber of waiting)
        if (topic.audience.mayHear(subscriber)) subscriber.notice(name, unprovidedFrame(name));
    } else topic.withdraw(NOBODY_PROVIDES);
    yield;
  }
  logTopics(client, 'topics-given-up', givenUp, 'client has given up topics');
  answer(client, id);
}

/** Gives up all topics of a client whose connection is gone: they stay, failing, until another one provides them. */
export function* withdrawAll(client: Session, { topics }: RequestContext): Generator<void> {
  const withdrawn: Topic[] = [];
  for (const name of client.provided) {
    const topic = topics.get(name)!;
    withdrawn.push(topic);
    topic.withdraw('the provider is gone');
    yield;
  }
  logTopics(client, 'provider-gone', withdrawn, 'the provider of topics is gone');
}

/** A message of a topic that the client provides. @throws {ChimedError} if it cannot be sent. */
export function takeMessage(
  client: Session,
  { topic: name, data, numbers }: Request & { kind: 'knock' },
  { topics, instance }: RequestContext,
): void {
  const topic = providedTopic(client, name, topics);
  if (data === undefined)
    throw new ChimedError('bad-request', `${name} needs data to be the payload, any JSON value`);
  // The daemon's own numbering has no name in a topic.
  topic.take(
    data,
    numbers && { ...numbers, instance: numbers.instance === instance ? undefined : numbers.instance },
  );
}

/** The client says that a topic which it provides fails, or fails no more. @throws {ChimedError} `not-provided`. */
export function fail(
  client: Session,
  { topic: name, error }: Request & { kind: 'fail' },
  { topics }: RequestContext,
): void {
  const topic = providedTopic(client, name, topics);
  if (error === null) topic.heal();
  else topic.fail(error);
}

function providedTopic(client: Session, name: string, topics: RequestContext['topics']): Topic {
  const topic = client.provided.has(name) ? topics.get(name) : undefined;
  if (topic) return topic;
  throw new ChimedError(
    'not-provided',
    `this client does not provide ${clipped(name)}; send chimed.provide for it first`,
  );
}

/** Refuses a message of a provider. The topic fails, if it is one of its topics: its subscribers miss something. */
export function refuseMessage(
  client: Session,
  name: string,
  { code, message }: Rejection,
  { topics }: RequestContext,
): void {
  client.refuse({ code, message, request: name, topic: name });
  if (client.provided.has(name)) topics.get(name)?.fail(message);
}

function answer(client: Session, id: ProvidedAnswer['id'] | undefined): void {
  if (id !== undefined) client.answer({ type: 'chimed.provided', data: { id } satisfies ProvidedAnswer });
}

function logTopics(
  client: Session,
  event: 'topics-provided' | 'topics-given-up' | 'provider-gone',
  topics: readonly Topic[],
  message: string,
): void {
  if (topics.length === 0) return;
  const more = topics.length > NAMED && { more: topics.length - NAMED };
  const fields = { ...client.fields, topics: topics.slice(0, NAMED).map(({ name }) => name), ...more };
  client.user.log[event === 'provider-gone' ? 'warn' : 'info']({ event, ...fields }, message);
}
