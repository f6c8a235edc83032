import { ChimedError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { clipped } from '../text.ts';
import { isPattern, isTopic } from './names.ts';

/** One frame as it travels: a message of a topic (`type` is the topic) or a control message. */
export interface Frame {
  type: string;
  data?: unknown;
  /** Number of this message in its topic, from 1. */
  seq?: number;
  /** When the message was made, in milliseconds since the epoch. */
  time?: number;
  /** Number of this message among those of all topics. Absent in version 0.1, and of what a restart has kept. */
  offset?: number;
  /** The numbering that `seq` belongs to, if that is not the daemon's, which `chimed.registered` has. */
  instance?: string;
  /** The source has failed since: the message does not say how things are. */
  stale?: true;
}

/** The number of this protocol: it is raised by what a client of an older one could not read. */
export const PROTOCOL = 1;

/** Where a client stood when its connection broke. */
export interface ResumePoint {
  /** The daemon's. */
  instance: string;
  /** Of topics whose numbering is not the daemon's. @default {} */
  instances?: Record<string, string>;
  /** The last `seq` that it heard of each topic. @default {} */
  after?: Record<string, number>;
  /** The last `offset` that it heard of all topics: for those that `after` does not name. */
  offset?: number;
}

/** With its defaults. */
export type WholeResumePoint = Required<Omit<ResumePoint, 'offset'>> & Pick<ResumePoint, 'offset'>;

/** A client's own number for a request; the answer repeats it. */
export type RequestId = string | number;

/** What a client may send. A `knock` is a plain node-ipc client's first message on a topic. */
export type Request =
  | { kind: 'register'; name?: string; topics: string[]; resume?: WholeResumePoint }
  | { kind: 'unregister'; topics: string[] }
  | { kind: 'publish'; topic: string; data: unknown; id?: RequestId }
  | { kind: 'clear' | 'get' | 'sample'; topic: string; id?: RequestId }
  | { kind: 'reload'; id?: RequestId }
  | { kind: 'status'; topics?: string[]; after?: string; afterClient?: number; id?: RequestId }
  | { kind: 'knock'; topic: string; data: unknown };

/** One topic that a client is registered for. */
export interface RegisteredTopic {
  topic: string;
  /** Milliseconds between ticks, or null for a topic that keeps no interval. */
  interval: number | null;
  /** The numbering of its messages. Absent in version 0.1: then it is the daemon's. */
  instance?: string;
  /** Number of its latest message, 0 before the first. */
  seq: number;
  /** For a client that resumes by an offset: the number of the topic's latest message then. */
  after?: number;
}

/** `chimed.registered`: all that this client hears from now on. */
export interface Registered {
  /** Absent in version 0.1. */
  protocol?: number;
  client: number;
  /** The daemon's numbering, which all topics share but for those that say otherwise. */
  instance: string;
  /** That of the latest message of all topics. Absent in version 0.1. */
  offset?: number;
  /** The offset to resume after is too old: nobody can count what was missed since. */
  uncounted?: true;
  /** The first thousand of them. */
  topics: RegisteredTopic[];
  /** True if there are more. */
  more?: true;
  /** What the daemon takes. Absent in version 0.1. */
  limits?: { frameBytes: number };
}

/** `chimed.published`: the daemon has the message. */
export interface Published {
  id: RequestId;
  topic: string;
  seq: number;
}

/** `chimed.cleared`: the topic has no message any more that it would give to whoever joins. */
export interface Cleared {
  id?: RequestId;
  topic: string;
}

/** `chimed.got`: the last message of a topic; without `seq`, it has none. */
export interface Got extends Pick<Frame, 'data' | 'seq' | 'time' | 'offset' | 'instance' | 'stale'> {
  id?: RequestId;
  topic: string;
}

/** `chimed.sampled`: what came of one sample, which was sent to nobody. */
export interface Sampled {
  id?: RequestId;
  topic: string;
  /** How long it took, in milliseconds. */
  ms: number;
  /** Length of the payload as JSON, in bytes. */
  bytes?: number;
  data?: unknown;
  /** Why there is no payload. */
  error?: string;
}

/** `chimed.reloaded`: the daemon goes by its configuration file as it is now. */
export interface Reloaded {
  id?: RequestId;
  /** The file. */
  config: string;
  /** Names of topics: some of them, if they are many. */
  changed: string[];
  removed: string[];
  /** Settings that have changed and need a restart. */
  needRestart: string[];
}

/** `chimed.rejected`: why something was refused, sent before anything is closed. */
export interface Rejection {
  code: ErrorCode;
  message: string;
  /** Type of the request that was refused. */
  request?: string;
  /** The topic or pattern that was refused. */
  topic?: string;
  id?: RequestId;
}

/** `chimed.failing`: the source of a topic fails, for this reason. What it sent before is stale. */
export interface Failing {
  topic: string;
  error: string;
  /** When it began to fail, in milliseconds since the epoch. */
  since: number;
  /** How many samples have failed since then. */
  failures: number;
}

/** `chimed.recovered`: a sample was taken after so many had failed. */
export interface Recovered {
  topic: string;
  failures: number;
}

/** `chimed.stopping`: the daemon is about to close the connection. */
export interface Stopping {
  reason: string;
}

const LONGEST_NAME = 100;
/** What the name of a client must be. */
export const NAME = `a text of at most ${LONGEST_NAME} characters, none of them a control character`;

/** Reports whether a value can be the name of a client. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LONGEST_NAME && !/\p{Cc}/u.test(value);
}

/**
 * Reads what a client sent.
 * @throws {ChimedError} `bad-type` or `bad-request`; the message says which field and what is expected.
 */
export function parseRequest(frame: Frame): Request {
  const { type, data } = frame;
  switch (type) {
    case 'chimed.register': {
      const fields = object(type, data);
      return {
        kind: 'register',
        topics: patterns(type, fields['topics']),
        ...(fields['name'] !== undefined && { name: clientName(type, fields['name']) }),
        ...(fields['resume'] !== undefined && { resume: resumePoint(type, fields['resume']) }),
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
      if (afterClient !== undefined && !isNumber(afterClient))
        throw bad(type, 'afterClient', 'the number of a client');
      return {
        kind: 'status',
        ...(topics !== undefined && { topics: patterns(type, topics) }),
        ...(after !== undefined && { after }),
        ...(afterClient !== undefined && { afterClient }),
        ...(id !== undefined && { id: requestId(type, id) }),
      };
    }
    default:
      if (isTopic(type)) return { kind: 'knock', topic: type, data };
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

function clientName(type: string, value: unknown): string {
  if (isName(value)) return value;
  throw bad(type, 'name', NAME);
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
  if (!Object.values(seqs).every(isNumber))
    throw bad(type, 'resume.after', 'a number, 0 or more, for each topic');
  if (offset !== undefined && !isNumber(offset)) throw bad(type, 'resume.offset', 'a number, 0 or more');
  return {
    instance,
    instances: own as Record<string, string>,
    after: seqs as Record<string, number>,
    ...(offset !== undefined && { offset }),
  };
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
