import { ChimedError, messageOf } from '../../errors.ts';
import type { Cleared, Got, Published, Request, RequestId, Sampled } from '../../protocol/messages.ts';
import { encodeAnswer } from '../../transport/frames.ts';
import type { Session } from '../session.ts';
import type { Topic } from '../topics/topic.ts';
import { checkIsPrivileged, checkMayHear, checkMayPublish, mayHear } from './permissions.ts';
import type { RequestContext } from './request-context.ts';

/** A request about one topic. */
type Named = Pick<Request & { kind: 'get' }, 'topic' | 'id'>;

/** Largest payload that `chimed.get` answers with, in bytes: it is copied for each, while messages are shared. */
const MOST_GOT_BYTES = 1024 * 1024;

export function publish(
  client: Session,
  request: Request & { kind: 'publish' },
  context: RequestContext,
): void {
  const { topic: name, data, id } = request;
  const topic = visibleTopic(client, name, context);
  checkMayPublish(client, topic);
  client.introduce();
  const seq = topic.publish(data);
  if (id === undefined) return;
  const published: Published = { id, topic: name, seq };
  client.answer({ type: 'chimed.published', data: published });
}

/** The topic of this name; the error names only what the client may hear. */
export function visibleTopic(client: Session, name: string, { topics }: RequestContext): Topic {
  return topics.find(name, (topic) => mayHear(client, topic));
}

export function clear(client: Session, { topic: name, id }: Named, context: RequestContext): void {
  const topic = visibleTopic(client, name, context);
  checkMayPublish(client, topic);
  client.introduce();
  topic.empty();
  if (id !== undefined)
    client.answer({ type: 'chimed.cleared', data: { id, topic: name } satisfies Cleared });
}

export function get(client: Session, { topic: name, id }: Named, context: RequestContext): void {
  const topic = visibleTopic(client, name, context);
  checkMayHear(client, topic);
  const head: Got = { ...withId(id), topic: name };
  const { json, ...last } = topic.lastMessage ?? {};
  if (json === undefined) return client.answer({ type: 'chimed.got', data: head });
  if (Buffer.byteLength(json) > MOST_GOT_BYTES) {
    const message = `the last message of ${name} has more than ${MOST_GOT_BYTES} bytes; register for the topic to get it`;
    throw new ChimedError('too-large', message);
  }
  client.answer(encodeAnswer('chimed.got', { ...head, ...last }, json));
}

export function sample(client: Session, { topic: name, id }: Named, context: RequestContext): void {
  checkIsPrivileged(client, 'take a sample');
  const topic = context.topics.find(name, () => true);
  const began = performance.now();
  const head = (): Sampled => {
    const ms = Math.round((performance.now() - began) * 10) / 10;
    return { ...withId(id), topic: name, ms };
  };
  void topic.sample().then(
    (json) =>
      client.answer(encodeAnswer('chimed.sampled', { ...head(), bytes: Buffer.byteLength(json) }, json)),
    (error: unknown) =>
      client.answer({ type: 'chimed.sampled', data: { ...head(), error: messageOf(error) } }),
  );
}

export function withId(id: RequestId | undefined): { id?: RequestId } {
  return id === undefined ? {} : { id };
}
