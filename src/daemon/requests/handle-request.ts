import { ChimedError, messageOf } from '../../errors.ts';
import { idOf, parseRequest } from '../../protocol/messages.ts';
import type {
  Cleared,
  Frame,
  Got,
  Published,
  RegisteredTopic,
  Registered,
  Rejection,
  Reloaded,
  Request,
  RequestId,
  ResumePoint,
  Sampled,
} from '../../protocol/messages.ts';
import { isWildcard } from '../../protocol/names.ts';
import { clipped } from '../../text.ts';
import { encodeAnswer } from '../../transport/frames.ts';
import type { Session, Task } from '../session.ts';
import { checkIsPrivileged, checkMayHear, checkMayPublish, mayHear } from './permissions.ts';
import { statusFrame } from './snapshot.ts';
import type { DaemonFacts, StatusPage } from './snapshot.ts';
import type { Pattern } from '../subscribers/audience.ts';
import type { SubscriptionIndex } from '../subscribers/subscription-index.ts';
import type { TopicSet } from '../topics/topic-set.ts';
import type { Topic } from '../topics/topic.ts';

/** Topics that an answer lists at most. */
const MOST_LISTED = 1000;
/** Memory that a registration takes, in bytes: of each pattern, and of each of its words if it has wildcards. */
const PATTERN_BYTES = 160;
const WORD_BYTES = 300;

/** A request about one topic. */
type Named = Pick<Request & { kind: 'get' }, 'topic' | 'id'>;

/** Largest payload that `chimed.get` answers with, in bytes: it is copied for each, while messages are shared. */
const MOST_GOT_BYTES = 1024 * 1024;

/** What requests work on. */
export interface RequestContext {
  topics: TopicSet;
  index: SubscriptionIndex;
  instance: string;
  clients: ReadonlyMap<number, Session>;
  maxPatterns: () => number;
  facts: () => DaemonFacts;
  frameBytes: number;
  /** Loads the configuration again. Rejects if it has mistakes. */
  reload: () => Promise<Omit<Reloaded, 'id'>>;
}

/**
 * Does what a client asks for. A mistake of the client's is answered with `chimed.rejected`.
 * @returns what is left to do, if it is much.
 */
export function handleRequest(client: Session, frame: Frame, context: RequestContext): Task | undefined {
  try {
    return dispatch(client, parseRequest(frame), context);
  } catch (error) {
    const id = idOf(frame);
    client.refuse({ ...rejection(error), request: clipped(frame.type), ...(id !== undefined && { id }) });
    return undefined;
  }
}

/** `chimed.registered`: all that the client hears from now on. */
export function registeredFrame(
  client: Session,
  context: RequestContext,
  more: readonly Pattern[] = [],
): Frame {
  const heard = context.index.heardBy(client, more, MOST_LISTED);
  const topics = heard.slice(0, MOST_LISTED).map((audience) => describe(context.topics.of(audience)));
  const data: Registered = {
    client: client.id,
    instance: context.instance,
    topics,
    ...(heard.length > MOST_LISTED && { more: true }),
    limits: { frameBytes: context.frameBytes },
  };
  return { type: 'chimed.registered', data };
}

/** Takes back all registrations of a client. */
export function* leaveAll(client: Session, context: RequestContext): Generator<void> {
  for (const pattern of client.patterns) yield* leave(client, pattern, context);
}

function dispatch(client: Session, request: Request, context: RequestContext): Task | undefined {
  switch (request.kind) {
    case 'register':
      return register(client, request, context);
    case 'unregister':
      return unregister(client, request.topics, context);
    case 'publish':
      publish(client, request, context);
      return undefined;
    case 'clear':
      clear(client, request, context);
      return undefined;
    case 'get':
      get(client, request, context);
      return undefined;
    case 'sample':
      sample(client, request, context);
      return undefined;
    case 'reload':
      reload(client, request, context);
      return undefined;
    case 'status':
      return answerStatus(client, request, context);
    case 'knock':
      return knock(client, request, context);
    default:
      return request satisfies never;
  }
}

function* register(
  client: Session,
  request: Request & { kind: 'register' },
  context: RequestContext,
): Generator<void> {
  if (request.name !== undefined) client.name = request.name;
  const added: Pattern[] = [];
  for (const [index, text] of request.topics.entries()) {
    try {
      const pattern = hold(client, text, added, context);
      if (pattern) added.push(pattern);
    } catch (error) {
      // The others stand: one topic that a reload took away must not cost a client the rest.
      client.refuse({ ...rejection(error), request: 'chimed.register', topic: clipped(text, 255) });
      if (!client.full) continue;
      // As many refusals wait for it as may, and a frame has room for many patterns.
      const message = `Too many patterns are refused; the other ${request.topics.length - index - 1} are refused, too.`;
      client.refuse({ code: 'too-many-patterns', message, request: 'chimed.register' });
      break;
    }
    yield;
  }
  // First the answer, so that the client knows the instance; then the messages.
  client.answer(registeredFrame(client, context, added));
  yield* joinAll(client, added, context, request.resume);
  // A client that only asks for the status, or publishes, registers for nothing, and is not worth a line.
  if (request.topics.length > 0) client.registered();
}

/** The pattern to register for; undefined if the client is registered for it already. */
function hold(
  client: Session,
  text: string,
  added: readonly Pattern[],
  context: RequestContext,
): Pattern | undefined {
  const { index, maxPatterns } = context;
  const known = index.find(text);
  if (known && (client.patterns.has(known) || added.includes(known))) return undefined;
  if (!isWildcard(text)) checkMayHear(client, visibleTopic(client, text, context));
  if (client.patterns.size + added.length >= maxPatterns()) {
    const message = `Too many patterns: limit ${maxPatterns()} (clients.maxPatterns). Register for a wildcard instead.`;
    throw new ChimedError('too-many-patterns', message);
  }
  client.introduce();
  client.patternBytes += bytesOf(text);
  return index.hold(text);
}

function* joinAll(
  client: Session,
  patterns: readonly Pattern[],
  { topics, index, instance }: RequestContext,
  resume?: ResumePoint,
): Generator<void> {
  const after = resume?.instance === instance ? resume.after : {};
  let lost = 0;
  for (const pattern of patterns) {
    for (const audience of index.join(client, pattern)) {
      const seq = Object.hasOwn(after, audience.topic) ? after[audience.topic] : undefined;
      const topic = topics.of(audience);
      if (!topic.awake) client.user.log.info({ topic: topic.name }, 'topic has its first client');
      lost += topic.join(client, seq);
      yield;
    }
  }
  if (lost > 0) client.lost(lost);
}

function* unregister(client: Session, texts: readonly string[], context: RequestContext): Generator<void> {
  for (const text of texts) {
    const pattern = context.index.find(text);
    if (pattern && client.patterns.has(pattern)) yield* leave(client, pattern, context);
  }
  client.answer(registeredFrame(client, context));
}

function* leave(client: Session, pattern: Pattern, { topics, index }: RequestContext): Generator<void> {
  client.patternBytes -= bytesOf(pattern.text);
  for (const audience of index.leave(client, pattern)) {
    const topic = topics.of(audience);
    if (topic.awake) client.user.log.info({ topic: topic.name }, 'topic has lost its last client');
    topic.abandoned();
    yield;
  }
}

function publish(client: Session, request: Request & { kind: 'publish' }, context: RequestContext): void {
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
function visibleTopic(client: Session, name: string, { topics }: RequestContext): Topic {
  return topics.find(name, (topic) => mayHear(client, topic));
}

function clear(client: Session, { topic: name, id }: Named, context: RequestContext): void {
  const topic = visibleTopic(client, name, context);
  checkMayPublish(client, topic);
  client.introduce();
  topic.empty();
  if (id !== undefined)
    client.answer({ type: 'chimed.cleared', data: { id, topic: name } satisfies Cleared });
}

function get(client: Session, { topic: name, id }: Named, context: RequestContext): void {
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

function sample(client: Session, { topic: name, id }: Named, context: RequestContext): void {
  checkIsPrivileged(client, 'have a sample taken');
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

function reload(client: Session, { id }: { id?: RequestId }, context: RequestContext): void {
  checkIsPrivileged(client, 'reload the configuration');
  void context.reload().then(
    (data) => client.answer({ type: 'chimed.reloaded', data: { ...withId(id), ...data } satisfies Reloaded }),
    (error: unknown) => {
      const code = error instanceof ChimedError ? error.code : 'bad-config';
      client.refuse({ code, message: messageOf(error), request: 'chimed.reload', ...withId(id) });
    },
  );
}

function withId(id: RequestId | undefined): { id?: RequestId } {
  return id === undefined ? {} : { id };
}

function answerStatus(client: Session, page: StatusPage, context: RequestContext): Task {
  const most = context.maxPatterns();
  if (page.topics && page.topics.length > most)
    throw new ChimedError('too-many-patterns', `Too many patterns: limit ${most} (clients.maxPatterns).`);
  return takeAnswer(client, page, context);
}

function* takeAnswer(client: Session, page: StatusPage, context: RequestContext): Generator<void> {
  client.answer(yield* statusFrame(client, page, context));
}

/** A plain node-ipc client's way to register: it sends something to the topic that it listens to. */
function* knock(
  client: Session,
  request: Request & { kind: 'knock' },
  context: RequestContext,
): Generator<void> {
  const { topic, data } = request;
  let pattern: Pattern | undefined;
  try {
    pattern = hold(client, topic, [], context);
  } catch (error) {
    return client.refuse({ ...rejection(error), request: topic });
  }
  const fields = { ...client.fields, topic: clipped(topic), data: clipped(JSON.stringify(data) ?? '') };
  if (!pattern) return client.user.log.debug(fields, 'client knocked again');
  client.user.log.info(fields, 'client registered by a knock');
  yield* joinAll(client, [pattern], context);
}

function describe({ name, seq, config }: Topic): RegisteredTopic {
  const interval = config.schedule?.kind === 'interval' ? config.schedule.intervalMs : null;
  return { topic: name, interval, seq };
}

function bytesOf(pattern: string): number {
  const words = isWildcard(pattern) ? pattern.split('.').length * WORD_BYTES : 0;
  return PATTERN_BYTES + pattern.length + words;
}

function rejection(error: unknown): Rejection {
  if (error instanceof ChimedError) return { code: error.code, message: error.message };
  throw error; // Ours: the transport logs it and closes the connection.
}
