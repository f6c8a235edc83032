import type { ErrorCode } from '../errors.ts';

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

/**
 * A user for whom the gateway asks: its ids, as the kernel told them to the gateway. Without a `uid`: a peer without
 * credentials, which matches no access list.
 */
export interface OnBehalfOf {
  uid?: number;
  /** Present if `uid` is. */
  gid?: number;
  /** @default [] */
  groups?: readonly number[];
}

/** With its defaults. */
export type WholeResumePoint = Required<Omit<ResumePoint, 'offset'>> & Pick<ResumePoint, 'offset'>;

/** A client's own number for a request; the answer repeats it. */
export type RequestId = string | number;

/**
 * What a client may send. A `knock` is a frame whose type is a topic: a message, if the client provides that topic, else a
 * plain node-ipc client's way to register.
 */
export type Request =
  | { kind: 'register'; name?: string; topics: string[]; resume?: WholeResumePoint; onBehalfOf?: OnBehalfOf }
  | { kind: 'unregister'; topics: string[] }
  | { kind: 'publish'; topic: string; data: unknown; id?: RequestId }
  | { kind: 'clear' | 'get' | 'sample'; topic: string; id?: RequestId }
  | { kind: 'reload'; id?: RequestId }
  | { kind: 'status'; topics?: string[]; after?: string; afterClient?: number; id?: RequestId }
  | { kind: 'provide' | 'unprovide'; topics: string[]; id?: RequestId }
  /** Without an error: it fails no more. */
  | { kind: 'fail'; topic: string; error: string | null }
  | { kind: 'knock'; topic: string; data: unknown; numbers?: OriginNumbers };

/** The numbers that a message was given where it was made: a provider may keep them. */
export interface OriginNumbers {
  /** The numbering that `seq` belongs to. */
  instance: string;
  /** Higher than that of any earlier message of the topic in this numbering. */
  seq: number;
  /** When it was made, in milliseconds since the epoch. */
  time: number;
}

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
  /** Repeats the request's: a daemon that does not know it leaves it out, and the client must not go on. */
  onBehalfOf?: OnBehalfOf;
  /** What the daemon takes. Absent in version 0.1. */
  limits?: { frameBytes: number };
}

/** `chimed.published`: the daemon has the message. */
export interface Published {
  id: RequestId;
  topic: string;
  seq: number;
}

/** `chimed.provided`: the client is the source of the topics that were not refused before. */
export interface ProvidedAnswer {
  id: RequestId;
}

/** `chimed.wanted`: to the provider of a topic: somebody listens. */
export interface Wanted {
  topic: string;
  /** The numbering of the topic's latest message. */
  instance: string;
  /** Number of the topic's latest message, 0 before the first. */
  seq: number;
}

/** `chimed.unwanted`: to the provider of a topic: nobody listens any more. */
export interface Unwanted {
  topic: string;
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
  /** Names of topics: the first of them, if they are many. */
  changed: string[];
  removed: string[];
  /** How many there are. */
  changedCount: number;
  removedCount: number;
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
