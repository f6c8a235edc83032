/**
 * All error codes: they are sent in `chimed.rejected` and are the `code` of a `ChimedError`. docs/operations.md has
 * this list as a table.
 */
export const codes = {
  'not-json': {
    meaning: 'a frame is not JSON',
    remedy: 'send one JSON object per frame, each terminated by a form feed',
  },
  'not-an-object': {
    meaning: 'a frame is JSON, but not an object',
    remedy: 'send `{"type": …, "data": …}`',
  },
  'bad-type': {
    meaning: 'a frame has no `type`, or one that is neither a topic nor a request',
    remedy: 'send a topic name, or one of the requests in docs/wire.md',
  },
  'too-large': {
    meaning:
      "a frame is larger than `clients.frameBytes`, nests more than 66 levels or holds more than 50,000 values; or a payload is larger than the topic's `maxBytes` or nests more than 64 levels; or the topics that match a name with wildcards would hold more than its `totalBytes`",
    remedy: 'send less, or raise the limit',
  },
  incomplete: {
    meaning: 'a frame was not complete within `clients.frameTimeout`',
    remedy: 'terminate each frame with a form feed',
  },
  'bad-request': {
    meaning: 'a field of a request is missing or has the wrong type',
    remedy: 'the message names the field and what is expected',
  },
  'unknown-topic': {
    meaning: 'no topic of that name is configured, and it matches no name with wildcards',
    remedy: 'use one of the topics that the message lists, or configure this one and reload',
  },
  'not-publishable': {
    meaning: 'the topic has another source than `publish`',
    remedy: 'publish to a topic with `publish: true`',
  },
  'not-providable': {
    meaning: 'the topic has another source than `provide`',
    remedy: 'provide a topic with `provide: true`',
  },
  'already-provided': {
    meaning: 'another client provides the topic',
    remedy: 'stop that client, which the message names, or provide another topic',
  },
  'not-provided': {
    meaning: 'a client that provides topics has sent a message of a topic that it does not provide',
    remedy: 'send `chimed.provide` first, and nothing for a topic that was refused',
  },
  'too-many-topics': {
    meaning: 'as many topics match a name with wildcards as its `maxTopics` allows',
    remedy: 'raise `maxTopics`, or have clients give up topics with `chimed.unprovide`',
  },
  'too-many-clients': {
    meaning:
      '`clients.max` is reached, and no user has many more connections than this one; or a gateway has half of them for others',
    remedy: 'raise `clients.max`; as root, `chimed status` lists all clients',
  },
  'too-many-connections': {
    meaning: 'the user has reached `clients.maxPerUser`',
    remedy: 'close some connections, or raise the limit; `chimed status` lists them',
  },
  'too-fast': {
    meaning:
      'the client is over `clients.requestsPerSecond`, or its user over `clients.connectionsPerSecond` or `clients.bytesPerSecond`',
    remedy: 'keep one connection open, send less often, or raise the limit',
  },
  'too-much-memory': {
    meaning:
      'the clients of one user are over `clients.memoryPerUser`, or all clients over `clients.memory`, and this client holds the most',
    remedy: 'read faster, or send less at a time',
  },
  'not-allowed': {
    meaning:
      "the topic's `access` allows neither the user nor any of its groups; or only root and the daemon's user can make this request; or the user cannot make requests on behalf of others (`web.user`)",
    remedy: 'add the user to the list and reload; a user who is new in a group must log in again',
  },
  'too-many-patterns': {
    meaning: 'the client has reached `clients.maxPatterns`',
    remedy: 'register for a wildcard instead',
  },
  stalled: {
    meaning: 'the client has read nothing for `clients.stallTimeout`',
    remedy: 'read messages as they arrive, or disconnect',
  },
  'no-daemon': {
    meaning: 'no daemon listens on the socket',
    remedy: 'start chimed, or set the path of its socket: `--socket`, `$CHIMED_SOCKET_PATH`',
  },
  'not-permitted': {
    meaning: 'this user has no permission for the socket or its directory',
    remedy: 'see `socket.mode` and `socket.group`',
  },
  busy: {
    meaning: 'the queue of connections that wait to be accepted is full (`socket.backlog`)',
    remedy: 'retry; the client library does',
  },
  timeout: {
    meaning: 'the daemon did not answer in time',
    remedy: 'check that the daemon runs and that the machine is not overloaded',
  },
  'connection-lost': {
    meaning: 'the connection ended before the daemon answered',
    remedy: 'retry; a publication may or may not have arrived',
  },
  closed: {
    meaning: 'the client was closed',
    remedy: 'connect again',
  },
  'bad-config': {
    meaning: 'the configuration has mistakes',
    remedy: '`chimed check` names each mistake and its line',
  },
  'socket-in-use': {
    meaning: 'another daemon owns the socket',
    remedy: 'stop that daemon, or choose another `socket.path`',
  },
  'not-a-socket': {
    meaning: 'the path of the socket exists and is not a socket',
    remedy: 'move it away, or choose another `socket.path`',
  },
  'cannot-listen': {
    meaning: 'the socket cannot be opened',
    remedy: "the message has the operating system's reason",
  },
  'no-server': {
    meaning: 'there is no connection to a NATS server',
    remedy: 'the message says what to check; the bridge retries',
  },
  'source-failed': {
    meaning: 'a sample failed',
    remedy: 'the message has the reason',
  },
} as const;

export type ErrorCode = keyof typeof codes;

/** On every ChimedError, whichever copy of the library made it. */
const MARK = Symbol.for('chimed.error');

/** The one error class. `code` is for programs, `message` is one sentence for people. */
export class ChimedError extends Error {
  override readonly name = 'ChimedError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

// `chimed` and `chimed-client` each have a copy of the library. `instanceof` must hold across them.
Object.defineProperty(ChimedError.prototype, MARK, { value: true });
Object.defineProperty(ChimedError, Symbol.hasInstance, {
  value(this: unknown, value: unknown): boolean {
    if (this !== ChimedError) return Function.prototype[Symbol.hasInstance].call(this as Function, value);
    return typeof value === 'object' && value !== null && MARK in value;
  },
});

/** Reports whether `value` is a code of the catalogue. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(codes, value);
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The same, with the path that it is about: what fails in reading or parsing does not name it. */
export function messageAt(path: string, thrown: unknown): string {
  const message = messageOf(thrown);
  return message.includes(path) ? message : `${path}: ${message}`;
}

/** Reports whether the system did not let us, whatever it was. */
export function isRefusal(thrown: unknown): boolean {
  return ['EACCES', 'EPERM', 'EROFS'].includes(systemCode(thrown) ?? '');
}

/** The `code` of a system error (`ENOENT`), if that is what was thrown. */
export function systemCode(thrown: unknown): string | undefined {
  return thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
}
