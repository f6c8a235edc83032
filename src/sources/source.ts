import type { Logger } from '../log.ts';

/** Where a topic's payload comes from. */
export interface Source {
  /**
   * Takes one sample: a payload that JSON can carry, or a promise of one. Never called again before it
   * has settled. When `signal` aborts, the sample is not wanted any more: end it soon. The signal is the same as long
   * as the topic is awake, and aborts when it falls asleep, is changed or removed, also between two samples.
   * @throws whatever went wrong; the message is logged, shown in the status, and counted.
   */
  sample(signal: AbortSignal): unknown;
  /** Calls `changed` whenever a sample is worth taking before the next tick, until `signal` aborts. Must not throw. */
  watch?(signal: AbortSignal, changed: () => void): void;
  /** All samples are the same payload. @default they can differ */
  readonly isConstant?: boolean;
}

/** A source that says by itself when there is something new, such as a program that writes lines. */
export interface StreamSource {
  /**
   * Runs until `signal` aborts; resolves when nothing of it is left, and is never called again before. If it ends by
   * itself, with an error or without, it has failed, and is run again later.
   */
  run(signal: AbortSignal, sink: StreamSink, start: StreamStart): Promise<void>;
}

/** Where a stream begins. */
export interface StreamStart {
  /** Little time has passed since it ran: it can go on where it was. */
  goesOn: boolean;
  /** When it ran last, if it goes on, else when it was woken; in milliseconds since the epoch. */
  since: number;
  /** The payload that it sent last, as JSON, if it goes on. */
  latest?: string | undefined;
}

/** Takes what a stream brings. */
export interface StreamSink {
  /** Sends a payload. */
  send(payload: unknown): void;
  /** Does something that may send several payloads: they leave together when it is done, and what that takes is part of it. */
  together(work: () => void): void;
  /** Something came that cannot be sent. The next payload shows that the stream works again. */
  fail(error: string): void;
  /** It works, though it has nothing to send. */
  recover(): void;
}

/** What a source is given beside its own options. */
export interface SourceContext {
  topic: string;
  /** Longest time that one sample may take, in milliseconds. */
  timeoutMs: number;
  /** Largest output or file that is read, in bytes. */
  maxBytes: number;
  /** Directory that relative paths start from: the configuration file's. */
  directory: string;
  logger: Logger;
}

export function isStream(source: Source | StreamSource | undefined): source is StreamSource {
  return source !== undefined && 'run' in source;
}
