/**
 * Every way in which chimed says no. The keys travel on the wire in `chimed.rejected` and stand in
 * `ChimedError.code`; README's table repeats what they mean and what helps.
 */
export const codes = {
  'not-json': {
    meaning: 'a frame is not JSON',
    remedy: 'send one JSON object a frame, each ended by a form feed',
  },
  'not-an-object': {
    meaning: 'a frame is JSON, but not an object',
    remedy: 'send `{"type": …, "data": …}`',
  },
  'bad-type': {
    meaning: 'a frame has no type, or one that names neither a topic nor a request',
    remedy: 'name a topic, or one of the requests under "The wire"',
  },
  'too-large': {
    meaning:
      "a frame is larger than `clients.frameBytes`, nests more than 66 levels or holds more than 50,000 values, or a payload is larger than the topic's `maxBytes` or nests more than 64 levels",
    remedy: 'send less, or raise the limit',
  },
  incomplete: {
    meaning: 'a frame did not end within `clients.frameTimeout`',
    remedy: 'end each frame with a form feed',
  },
  'bad-request': {
    meaning: 'a request has a field that is missing or of the wrong kind',
    remedy: 'the message names the field and what is expected',
  },
  'unknown-topic': {
    meaning: 'no topic of that name is configured',
    remedy: 'choose one of those that the message lists, or configure it and reload',
  },
  'not-publishable': {
    meaning: 'the topic has a source of its own',
    remedy: 'publish to a topic with `publish: true`',
  },
  'too-many-clients': {
    meaning: '`clients.max` clients are connected, and no user has many more of them than this one',
    remedy: 'raise it; for root, `chimed status` shows who they are',
  },
  'too-many-connections': {
    meaning: "the client's user has `clients.maxPerUser` connections already",
    remedy: 'close some, or raise it; `chimed status` shows whose they are',
  },
  'too-fast': {
    meaning:
      'more requests, connections or bytes a second than `clients.requestsPerSecond`, `clients.connectionsPerSecond` or `clients.bytesPerSecond`',
    remedy: 'keep one connection open; ask less often, or raise the limit',
  },
  'too-much-memory': {
    meaning:
      'the clients of a user hold more than `clients.memoryPerUser`, or all clients more than `clients.memory`, and this one holds most',
    remedy: 'read faster, or send less at a time',
  },
  'not-allowed': {
    meaning: "the topic's `access` does not name the client's user or one of its groups",
    remedy: 'name it there and reload; somebody new to a group logs in again first',
  },
  'too-many-patterns': {
    meaning: 'the client is registered for `clients.maxPatterns` patterns already',
    remedy: 'register for a wildcard instead',
  },
  stalled: {
    meaning: 'the client took nothing for `clients.stallTimeout`',
    remedy: 'read what comes, or leave',
  },
  'no-daemon': {
    meaning: 'nobody listens on the socket',
    remedy: 'start chimed, or name its socket: `--socket`, `$CHIMED_SOCKET_PATH`',
  },
  'not-permitted': {
    meaning: 'this user may not use the socket or its directory',
    remedy: 'see `socket.mode` and `socket.group`',
  },
  busy: {
    meaning: 'more connections wait to be accepted than `socket.backlog`',
    remedy: 'try again; the client library does',
  },
  timeout: {
    meaning: 'the daemon did not answer in time',
    remedy: 'see whether it runs, and whether the machine is overloaded',
  },
  'connection-lost': {
    meaning: 'the connection ended before the daemon answered',
    remedy: 'ask again; whether a publication arrived, nobody can tell',
  },
  closed: {
    meaning: 'the client was closed',
    remedy: 'connect again',
  },
  'bad-config': {
    meaning: 'the configuration has mistakes',
    remedy: '`chimed check` names each with its line',
  },
  'socket-in-use': {
    meaning: 'another daemon owns the socket',
    remedy: 'stop it, or choose another `socket.path`',
  },
  'not-a-socket': {
    meaning: 'the path of the socket is taken by something else',
    remedy: 'move it away, or choose another `socket.path`',
  },
  'cannot-listen': {
    meaning: 'the socket cannot be opened',
    remedy: "the message has the system's reason",
  },
  'source-failed': {
    meaning: 'a source gave nothing that JSON can carry',
    remedy: 'return a value that JSON can carry',
  },
} as const;

export type ErrorCode = keyof typeof codes;

/** The one error class. `code` is for programs, `message` is one sentence for people. */
export class ChimedError extends Error {
  override readonly name = 'ChimedError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

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
