import { ChimedError } from '../errors.ts';
import { clipped } from '../text.ts';
import { LONGEST_NAME, NAME, isName } from './client-name.ts';
import type { Frame, OnBehalfOf, OriginNumbers, Request, RequestId, WholeResumePoint } from './messages.ts';
import { isPattern, isTopic } from './names.ts';
import { isCount, isInstance, isSeq, isTime } from './number-bounds.ts';
import { ON_BEHALF_OF, isOnBehalfOf } from './on-behalf.ts';

/** Characters of a provider's error that are kept. */
const LONGEST_ERROR = 1000;

/**
 * Reads what a client sent.
 * @param isProvider It provides topics: a frame whose type is a topic is a message, and can have numbers.
 * @throws {ChimedError} `bad-type` or `bad-request`; the message says which field and what is expected.
 */
export function parseRequest(frame: Frame, isProvider = false): Request {
  const { type, data } = frame;
  switch (type) {
    case 'chimed.register': {
      const fields = object(type, data);
      return {
        kind: 'register',
        topics: patterns(type, fields['topics']),
        ...(fields['name'] !== undefined && { name: clientName(type, fields['name']) }),
        ...(fields['resume'] !== undefined && { resume: resumePoint(type, fields['resume']) }),
        ...(fields['onBehalfOf'] !== undefined && { onBehalfOf: onBehalfOf(type, fields['onBehalfOf']) }),
      };
    }
    case 'chimed.unregister':
      return { kind: 'unregister', topics: patterns(type, object(type, data)['topics']) };
    case 'chimed.publish': {
      const { topic, data: payload, id } = object(type, data);
      if (typeof topic !== 'string' || !isTopic(topic)) throw bad(type, 'topic', 'the name of a topic');
      if (payload === undefined) throw bad(type, 'data', 'the payload, any JSON value');
      return { kind: 'publish', topic, data: payload, ...(id !== undefined && { id: requestId(type, id) }) };
    }
    case 'chimed.clear':
    case 'chimed.get':
    case 'chimed.sample': {
      const { topic, id } = object(type, data);
      if (typeof topic !== 'string' || !isTopic(topic)) throw bad(type, 'topic', 'the name of a topic');
      const kind = type.slice('chimed.'.length) as 'clear' | 'get' | 'sample';
      return { kind, topic, ...(id !== undefined && { id: requestId(type, id) }) };
    }
    case 'chimed.reload': {
      const { id } = object(type, data ?? {});
      return { kind: 'reload', ...(id !== undefined && { id: requestId(type, id) }) };
    }
    case 'chimed.status': {
      const { topics, after, afterClient, id } = object(type, data ?? {});
      if (after !== undefined && (typeof after !== 'string' || !isTopic(after)))
        throw bad(type, 'after', 'the name of a topic');
      if (afterClient !== undefined && !isCount(afterClient))
        throw bad(type, 'afterClient', 'the number of a client');
      return {
        kind: 'status',
        ...(topics !== undefined && { topics: patterns(type, topics) }),
        ...(after !== undefined && { after }),
        ...(afterClient !== undefined && { afterClient }),
        ...(id !== undefined && { id: requestId(type, id) }),
      };
    }
    case 'chimed.provide':
    case 'chimed.unprovide': {
      const { topics, id } = object(type, data);
      const kind = type === 'chimed.provide' ? 'provide' : 'unprovide';
      return { kind, topics: names(type, topics), ...(id !== undefined && { id: requestId(type, id) }) };
    }
    case 'chimed.fail': {
      const { topic, error } = object(type, data);
      if (typeof topic !== 'string' || !isTopic(topic)) throw bad(type, 'topic', 'the name of a topic');
      if (error === null) return { kind: 'fail', topic, error };
      if (typeof error !== 'string') throw bad(type, 'error', 'a text, or null if the topic fails no more');
      return { kind: 'fail', topic, error: clipped(error, LONGEST_ERROR) };
    }
    default:
      if (isTopic(type)) {
        const numbers = isProvider ? originNumbers(frame) : undefined;
        return { kind: 'knock', topic: type, data, ...(numbers && { numbers }) };
      }
      throw new ChimedError(
        'bad-type',
        `type ${JSON.stringify(clipped(type))} is neither a topic nor a request`,
      );
  }
}

/** The `id` of a frame that could not be read as a request, so that its refusal can repeat it. */
export function idOf(frame: Frame): RequestId | undefined {
  const id = (frame.data as { id?: unknown } | null | undefined)?.id;
  return isRequestId(id) ? id : undefined;
}

/** Reports whether a frame asks, rightly or not, to make requests for another user. */
export function asksForAnother({ type, data }: Frame): boolean {
  const { onBehalfOf: another } = (data ?? {}) as { onBehalfOf?: unknown };
  return type === 'chimed.register' && another !== undefined;
}

function bad(type: string, field: string, expected: string): ChimedError {
  return new ChimedError('bad-request', `${type} needs ${field} to be ${expected}`);
}

function object(type: string, value: unknown, field = 'data'): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw bad(type, field, 'an object');
}

function patterns(type: string, value: unknown): string[] {
  if (!Array.isArray(value)) throw bad(type, 'topics', 'an array of topics or patterns');
  for (const item of value) {
    if (typeof item !== 'string' || !isPattern(item)) {
      throw bad(type, 'topics', `an array of topics or patterns, and ${excerpt(item)} is neither`);
    }
  }
  return value as string[];
}

function names(type: string, value: unknown): string[] {
  if (!Array.isArray(value)) throw bad(type, 'topics', 'an array of topics');
  for (const item of value) {
    if (typeof item !== 'string' || !isTopic(item))
      throw bad(type, 'topics', `an array of topics, without wildcards, and ${excerpt(item)} is none`);
  }
  return value as string[];
}

/** The numbers that a provider's message was given where it was made: all of them, or none. */
function originNumbers({ type, seq, time, instance }: Frame): OriginNumbers | undefined {
  if (seq === undefined && time === undefined && instance === undefined) return undefined;
  if (!isInstance(instance))
    throw bad(type, 'instance', 'up to 100 letters, digits, _ and -, if it has seq or time');
  if (!isSeq(seq)) throw bad(type, 'seq', 'a whole number from 1 to 2^52, if it has instance or time');
  if (!isTime(time)) throw bad(type, 'time', 'milliseconds since the epoch, if it has instance or seq');
  return { instance, seq, time };
}

function clientName(type: string, value: unknown): string {
  if (isName(value)) return value;
  throw bad(type, 'name', NAME);
}

function onBehalfOf(type: string, value: unknown): OnBehalfOf {
  if (isOnBehalfOf(value)) return value;
  throw bad(type, 'onBehalfOf', ON_BEHALF_OF);
}

function requestId(type: string, value: unknown): RequestId {
  if (isRequestId(value)) return value;
  throw bad(type, 'id', `a number or a text of at most ${LONGEST_NAME} characters`);
}

function isRequestId(value: unknown): value is RequestId {
  return typeof value === 'number' || (typeof value === 'string' && value.length <= LONGEST_NAME);
}

/** Not by JSON.stringify: it would write all of what may be very large. */
function excerpt(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(clipped(value));
  return typeof value === 'object' && value !== null ? 'a list or an object' : String(value);
}

function resumePoint(type: string, value: unknown): WholeResumePoint {
  const { instance, instances = {}, after = {}, offset } = object(type, value, 'resume');
  if (typeof instance !== 'string') throw bad(type, 'resume.instance', 'a text');
  const own = object(type, instances, 'resume.instances');
  if (!Object.values(own).every((id) => typeof id === 'string'))
    throw bad(type, 'resume.instances', 'a text for each topic');
  const seqs = object(type, after, 'resume.after');
  if (!Object.values(seqs).every(isCount))
    throw bad(type, 'resume.after', 'a number, 0 or more, for each topic');
  if (offset !== undefined && !isCount(offset)) throw bad(type, 'resume.offset', 'a number, 0 or more');
  return {
    instance,
    instances: own as Record<string, string>,
    after: seqs as Record<string, number>,
    ...(offset !== undefined && { offset }),
  };
}
