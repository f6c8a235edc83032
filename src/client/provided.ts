import type { ChimedError, ErrorCode } from '../errors.ts';
import type { OriginNumbers } from '../protocol/messages.ts';

/** What a generator is told that provides a topic. */
export interface ProvideContext {
  topic: string;
  /** Aborts when nobody listens any more, the connection breaks or the client is closed. */
  signal: AbortSignal;
}

/**
 * Yields the payloads of a topic. It is called when somebody listens and ended when nobody does any more. If it throws, the
 * topic is failing, and it is called again after a growing delay. If it returns, it is called when somebody listens again.
 */
export type Generate<T = unknown> = (context: ProvideContext) => AsyncIterable<T>;

/** For a provider that sends by itself. */
export interface ProvideHandler {
  /** Somebody listens. Can be called again while somebody does. @param last Where the topic's numbering stands in the daemon; `seq` is 0 before the first message. */
  wanted(last: { instance: string; seq: number }): void;
  /** Nobody listens any more, or there is no daemon. */
  unwanted(): void;
}

/** A topic that this client provides. */
export interface Provided {
  readonly topic: string;
  /** True while somebody listens. */
  readonly wanted: boolean;
  /** Resolves when it is provided no more, with the error if the daemon refused it. Never rejects. */
  readonly ended: Promise<ChimedError | undefined>;
  /**
   * Sends a message.
   * @param numbers What the message was numbered with where it was made. @default the daemon numbers it
   * @returns false if it was not sent: nobody listens, there is no daemon, or the daemon has yet to read what was sent before.
   * @throws {ChimedError} `bad-request` for what JSON cannot carry, and for `numbers` that are none; `too-large` for a frame
   * that the daemon does not accept (`clients.frameBytes`, 50,000 values).
   */
  send(data: unknown, numbers?: OriginNumbers): boolean;
  /** The topic is failing, for this reason, until the next message. What was sent before is stale. */
  fail(error: string): void;
  /** The topic fails no more, though no message follows. */
  heal(): void;
  /** Provides it no more. Resolves when the daemon has let go of it. */
  end(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A message that the daemon did not accept. The topic is failing for its subscribers. */
export interface Refusal {
  topic: string;
  code: ErrorCode;
  message: string;
}
