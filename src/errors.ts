/**
 * Every way in which chimed says no. The keys travel on the wire in `chimed.rejected` and stand in
 * `ChimedError.code`; the texts are the short description that README's table repeats.
 */
export const codes = {
  'not-json': 'a frame is not JSON',
  'not-an-object': 'a frame is JSON, but not an object',
  'bad-type': 'a frame has no type, or one that names neither a topic nor a request',
  'too-large': 'a frame is larger than `clients.frameBytes`',
  incomplete: 'a frame did not end within `clients.frameTimeout`',
  'bad-request': 'a request has a field that is missing or of the wrong kind',
  'unknown-topic': 'no topic of that name is configured',
  'not-publishable': 'the topic does not take messages from clients',
  'too-many-clients': '`clients.max` clients are connected already',
  'too-many-patterns': 'the client is registered for `clients.maxPatterns` patterns already',
  stalled: 'the client took nothing for `clients.stallTimeout`',
  'no-daemon': 'nobody listens on the socket',
  'not-permitted': 'the socket or its directory may not be used by this user',
  busy: 'the daemon has too many connections waiting to be accepted',
  timeout: 'the daemon did not answer in time',
  'connection-lost': 'the connection ended before the daemon answered',
  closed: 'the client was closed',
  'bad-config': 'the configuration has mistakes',
  'socket-in-use': 'another daemon owns the socket',
  'not-a-socket': 'the path of the socket is taken by something else',
  'cannot-listen': 'the socket cannot be opened',
  'source-failed': 'a source gave no payload',
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

/** The `code` of a system error (`ENOENT`), if that is what was thrown. */
export function systemCode(thrown: unknown): string | undefined {
  return thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
}
