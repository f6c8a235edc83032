import { inspect } from 'node:util';

import { ChimedError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { NAME, isName } from '../protocol/client-name.ts';
import type { OnBehalfOf } from '../protocol/messages.ts';
import { isTopic } from '../protocol/names.ts';
import { isCount } from '../protocol/number-bounds.ts';
import { ON_BEHALF_OF, isOnBehalfOf } from '../protocol/on-behalf.ts';

export interface ConnectOptions {
  /** Path of the daemon's socket. @default `$CHIMED_SOCKET_PATH`, else the first place at which a daemon of this user's, or the machine's, listens */
  socket?: string;
  /** What the daemon calls this client in its logs and its status, at most 100 characters. @default none */
  name?: string;
  /** Hears of connections made, lost and retried; a pino logger fits. @default silent, but for one warning of the process's when there is no daemon to wait for */
  logger?: Logger;
  /**
   * Waits between attempts to connect, in milliseconds: a random time up to `minMs`, doubled for each failure
   * up to `maxMs`. `false` gives up at the first failure. @default { minMs: 100, maxMs: 5000 }
   */
  retry?: false | { minMs?: number; maxMs?: number };
  /** How long the daemon may take to answer, and a request may wait for a daemon, in milliseconds. @default 5000 */
  timeoutMs?: number;
  /** Closes the client when it aborts. */
  signal?: AbortSignal;
  /**
   * Where an earlier client stood, as `Client.position` gave it or by the offset of a message: subscriptions that are made before this client is ready begin with the messages since.
   * @default none: they begin with the latest message
   */
  resume?: ResumeFrom | ResumeAfter;
  /**
   * The user for whom all requests of this client are made: what it may hear, and what it costs. Only root, the daemon's
   * user and the gateway's (`web.user`) can ask for others. @default the user of this process
   */
  onBehalfOf?: OnBehalfOf;
}

/** The `instance` and `offset` of the last message that was heard, of all topics. */
export interface ResumeFrom {
  instance: string;
  offset: number;
}

/** Where a client stood in each of its topics, as `Client.position` gives it. */
export interface ResumeAfter {
  /** The daemon's. */
  instance: string;
  /** The last `seq` of each topic. */
  after: Record<string, number>;
  /** The numberings of topics, as far as they are not the daemon's. @default {} */
  instances?: Record<string, string>;
}

export interface ListenOptions {
  /** Messages kept for a loop that is slower than its topics; past that the oldest are dropped. @default 1000 */
  buffer?: number;
  /** Bytes of these messages as they travel; the newest one is always kept. @default 8 MiB */
  bufferBytes?: number;
  /** Ends the loop when it aborts. */
  signal?: AbortSignal;
}

export interface PublishOptions {
  /** Gives up waiting when it aborts. What was sent by then is published. */
  signal?: AbortSignal;
}

export interface StatusOptions {
  /** Topics or patterns to list. @default all */
  topics?: readonly string[];
  /** Lists all clients that this user may see, and not the first 200 only. @default false */
  allClients?: boolean;
}

export const DEFAULT_RETRY = { minMs: 100, maxMs: 5000 };
export const DEFAULT_TIMEOUT_MS = 5000;
export const DEFAULT_BUFFER = 1000;
export const DEFAULT_BUFFER_BYTES = 8 * 1024 * 1024;

/** Longest wait that a timer takes, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** @throws {ChimedError} `bad-request` for an option that is unknown or has a wrong value. */
export function checkConnectOptions(options: ConnectOptions): void {
  checkNames<ConnectOptions>(options, 'connect', [
    'socket',
    'name',
    'logger',
    'retry',
    'timeoutMs',
    'signal',
    'resume',
    'onBehalfOf',
  ]);
  const { socket, name, timeoutMs, retry, resume, onBehalfOf } = options;
  if (socket !== undefined && !(typeof socket === 'string' && socket !== ''))
    throw bad('socket', 'the path of a socket', socket);
  if (name !== undefined && !isName(name)) throw bad('name', NAME, name);
  if (timeoutMs !== undefined && !isWait(timeoutMs)) throw bad('timeoutMs', WAIT, timeoutMs);
  if (onBehalfOf !== undefined && !isOnBehalfOf(onBehalfOf))
    throw bad('onBehalfOf', ON_BEHALF_OF, onBehalfOf);
  if (resume !== undefined) checkResume(resume);
  if (retry === undefined || retry === false) return;
  if (typeof retry !== 'object' || retry === null) throw bad('retry', 'false, or { minMs, maxMs }', retry);
  checkNames<typeof retry>(retry, 'retry', ['minMs', 'maxMs']);
  for (const key of ['minMs', 'maxMs'] as const)
    if (retry[key] !== undefined && !isWait(retry[key])) throw bad(`retry.${key}`, WAIT, retry[key]);
}

function checkResume(resume: ResumeFrom | ResumeAfter): void {
  if (typeof resume === 'object' && resume !== null && 'after' in resume && !('offset' in resume))
    return checkResumeAfter(resume);
  checkNames<ResumeFrom>(resume as ResumeFrom, 'resume', ['instance', 'offset']);
  const { instance, offset } = resume as ResumeFrom;
  if (typeof instance !== 'string') throw bad('resume.instance', "a text, a message's instance", instance);
  if (!isCount(offset)) throw bad('resume.offset', COUNT, offset);
}

function checkResumeAfter(resume: ResumeAfter): void {
  checkNames<ResumeAfter>(resume, 'resume', ['instance', 'after', 'instances']);
  const { instance, after, instances } = resume;
  if (typeof instance !== 'string') throw bad('resume.instance', "a text, the daemon's instance", instance);
  for (const [name, value] of Object.entries({ after, instances: instances ?? {} })) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw bad(`resume.${name}`, 'an object, whose keys are topics', value);
  }
  for (const [topic, seq] of Object.entries(after)) {
    if (!isTopic(topic)) throw bad('resume.after', 'an object, whose keys are topics', topic);
    if (!isCount(seq)) throw bad(`resume.after[${inspect(topic)}]`, COUNT, seq);
  }
  for (const [topic, own] of Object.entries(instances ?? {}))
    if (typeof own !== 'string') throw bad(`resume.instances[${inspect(topic)}]`, 'a text', own);
}

const COUNT = 'a whole number, 0 or more';

/** @throws {ChimedError} `bad-request` for an option that is unknown or has a wrong value. */
export function checkListenOptions(options: ListenOptions): void {
  checkNames<ListenOptions>(options, 'listen', ['buffer', 'bufferBytes', 'signal']);
  const { buffer, bufferBytes } = options;
  for (const [key, value] of Object.entries({ buffer, bufferBytes })) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1))
      throw bad(key, 'a whole number, 1 or more', value);
  }
}

/** @throws {ChimedError} `bad-request` for an option that is unknown. */
export function checkPublishOptions(options: PublishOptions): void {
  checkNames<PublishOptions>(options, 'publish', ['signal']);
}

/** @throws {ChimedError} `bad-request` for an option that is unknown or has a wrong value. */
export function checkStatusOptions(options: StatusOptions): void {
  checkNames<StatusOptions>(options, 'status', ['topics', 'allClients']);
  const { topics, allClients } = options;
  if (topics !== undefined && !Array.isArray(topics))
    throw bad('topics', 'a list of topics or patterns', topics);
  if (allClients !== undefined && typeof allClients !== 'boolean')
    throw bad('allClients', 'true or false', allClients);
}

/** Options that are undefined say nothing, whatever their names. */
function checkNames<Options>(
  options: Options,
  what: string,
  known: readonly (keyof Options & string)[],
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const message = `the options of ${what} must be an object, but they are ${inspect(options)}`;
    throw new ChimedError('bad-request', message);
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || (known as readonly string[]).includes(name)) continue;
    const message = `${what} has no option ${inspect(name)}; expected ${known.join(', ')}`;
    throw new ChimedError('bad-request', message);
  }
}

const WAIT = `a time in milliseconds, more than 0 and at most ${LONGEST_MS}`;

function isWait(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value <= LONGEST_MS;
}

function bad(option: string, expected: string, value: unknown): ChimedError {
  return new ChimedError(
    'bad-request',
    `the option ${option} must be ${expected}, but it is ${inspect(value)}`,
  );
}
