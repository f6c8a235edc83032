import { ChimedError } from '../../errors.ts';
import type { Frame, Registered, RegisteredTopic, Request } from '../../protocol/messages.ts';
import { PROTOCOL } from '../../protocol/messages.ts';
import { isWildcard } from '../../protocol/names.ts';
import { clipped } from '../../text.ts';
import type { Session } from '../session.ts';
import type { Pattern } from '../subscribers/audience.ts';
import type { Topic } from '../topics/topic.ts';
import { unprovidedFrame } from '../topics/source-notices.ts';
import { checkMayAwait, checkMayHear } from './permissions.ts';
import { rejection } from './rejection.ts';
import type { RequestContext } from './request-context.ts';
import { Resumption } from './resumption.ts';
import { visibleTopic } from './topic-requests.ts';

/** Topics that an answer lists at most. */
const MOST_LISTED = 1000;
/** Memory that a registration takes, in bytes: of each pattern, and of each of its words if it has wildcards. */
const PATTERN_BYTES = 160;
const WORD_BYTES = 300;

/** `chimed.registered`: all that the client hears from now on. */
export function registeredFrame(
  client: Session,
  context: RequestContext,
  more: readonly Pattern[] = [],
  resumption?: Resumption,
): Frame {
  const heard = context.index.heardBy(client, more, MOST_LISTED);
  const topics = heard
    .slice(0, MOST_LISTED)
    .map((audience) => describe(context.topics.of(audience), context.instance, resumption));
  const data: Registered = {
    protocol: PROTOCOL,
    client: client.id,
    instance: context.instance,
    offset: context.offsets.last,
    ...(resumption?.isUncounted && { uncounted: true }),
    topics,
    ...(heard.length > MOST_LISTED && { more: true }),
    ...(client.onBehalfOf && { onBehalfOf: client.onBehalfOf }),
    limits: { frameBytes: context.frameBytes },
  };
  return { type: 'chimed.registered', data };
}

/** Takes back all registrations of a client. */
export function* leaveAll(client: Session, context: RequestContext): Generator<void> {
  for (const pattern of client.patterns) yield* leave(client, pattern, context);
}

export function* register(
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
      const message = `Too many patterns were refused; the remaining ${request.topics.length - index - 1} patterns of the request are refused as well.`;
      client.refuse({ code: 'too-many-patterns', message, request: 'chimed.register' });
      break;
    }
    yield;
  }
  // First the answer, so that the client knows the instance; then the messages.
  const resumption = new Resumption(request.resume, context);
  client.answer(registeredFrame(client, context, added, resumption));
  yield* joinAll(client, added, context, resumption);
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
  if (!isWildcard(text)) checkMayRegister(client, text, context);
  if (client.patterns.size + added.length >= maxPatterns()) {
    const message = `Too many patterns: limit ${maxPatterns()} (clients.maxPatterns). Register for a wildcard instead.`;
    throw new ChimedError('too-many-patterns', message);
  }
  client.introduce();
  client.patternBytes += bytesOf(text);
  return index.hold(text);
}

/** @throws {ChimedError} `unknown-topic` unless the topic is there or a client can provide it, or `not-allowed`. */
function checkMayRegister(client: Session, name: string, context: RequestContext): void {
  const { topics } = context;
  const namespace = topics.get(name) ? undefined : topics.namespaceOf(name);
  if (namespace) checkMayAwait(client, name, namespace.config);
  else checkMayHear(client, visibleTopic(client, name, context));
}

function* joinAll(
  client: Session,
  patterns: readonly Pattern[],
  { topics, index }: RequestContext,
  resumption?: Resumption,
): Generator<void> {
  let lost = 0;
  for (const pattern of patterns) {
    for (const audience of index.join(client, pattern)) {
      const topic = topics.of(audience);
      if (!topic.awake)
        client.user.log.info(
          { event: 'topic-first-client', topic: topic.name },
          'topic has its first client',
        );
      lost += topic.join(client, resumption?.after(topic));
      yield;
    }
    const { text, audiences } = pattern;
    if (audiences.size === 0 && !isWildcard(text)) client.notice(text, unprovidedFrame(text));
  }
  if (lost > 0) client.lost(lost);
}

export function* unregister(
  client: Session,
  texts: readonly string[],
  context: RequestContext,
): Generator<void> {
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
    if (topic.awake)
      client.user.log.info(
        { event: 'topic-last-client-left', topic: topic.name },
        'topic has lost its last client',
      );
    topic.abandoned();
    yield;
  }
}

/** A plain node-ipc client's way to register: it sends something to the topic that it listens to. */
export function* knock(
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
  if (!pattern)
    return client.user.log.debug({ event: 'client-knocked-again', ...fields }, 'client knocked again');
  client.user.log.info({ event: 'client-registered-by-knock', ...fields }, 'client registered by a knock');
  yield* joinAll(client, [pattern], context);
}

function describe(topic: Topic, instance: string, resumption?: Resumption): RegisteredTopic {
  const { name, seq, config } = topic;
  const after = resumption?.afterOffset(topic);
  const interval = config.schedule?.kind === 'interval' ? config.schedule.intervalMs : null;
  const own = topic.instance ?? instance;
  return { topic: name, interval, instance: own, seq, ...(after !== undefined && { after }) };
}

function bytesOf(pattern: string): number {
  const words = isWildcard(pattern) ? pattern.split('.').length * WORD_BYTES : 0;
  return PATTERN_BYTES + pattern.length + words;
}
