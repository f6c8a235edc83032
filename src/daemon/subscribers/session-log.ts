import type { EventLog, LogEvent } from '../../log-events.ts';
import type { Rejection } from '../../protocol/messages.ts';
import { clipped } from '../../text.ts';

/** Patterns that a line names. */
const NAMED_PATTERNS = 20;

/** What is logged of one client, within what its user may have logged. */
export class SessionLog {
  readonly #log: EventLog;
  readonly #client: { readonly fields: object };
  #isIntroduced = false;
  /** Refusals so far; only the first has a line. */
  rejections = 0;

  /** @param client Its fields are in each line. */
  constructor(log: EventLog, client: { readonly fields: object }) {
    this.#log = log;
    this.#client = client;
  }

  /** Says that it is there, once: with its first request that is more than a question. */
  introduce(groups: readonly number[] | undefined): void {
    if (this.#isIntroduced) return;
    this.#isIntroduced = true;
    this.#log.info({ event: 'client-connected', ...this.#client.fields, groups }, 'client connected');
  }

  registered(patterns: Iterable<{ text: string }>): void {
    const texts = Array.from(patterns, ({ text }) => clipped(text));
    const more = texts.length > NAMED_PATTERNS && { more: texts.length - NAMED_PATTERNS };
    const fields = { ...this.#client.fields, topics: texts.slice(0, NAMED_PATTERNS), ...more };
    this.#log.info({ event: 'client-registered', ...fields }, 'client registered');
  }

  rejected({ code, message, request }: Rejection): void {
    if (++this.rejections > 1) return;
    this.#log.warn({ event: 'rejected', ...this.#client.fields, code, request }, `rejected: ${message}`);
  }

  left(facts: { reason: string | undefined; since: number; sent: number; skipped: number }): void {
    const { reason, since, ...counts } = facts;
    const seconds = Math.round((Date.now() - since) / 1000);
    const rejections = this.rejections > 0 && { rejections: this.rejections };
    const event: LogEvent = 'client-disconnected';
    const fields = { event, ...this.#client.fields, reason, seconds, ...counts, ...rejections };
    if (this.#isIntroduced) this.#log.info(fields, 'client disconnected');
    else this.#log.debug(fields, 'client disconnected');
  }

  slow(): void {
    this.#log.warn(
      { event: 'client-slow', ...this.#client.fields },
      'client is slow: messages are skipped until it has read its queue',
    );
  }

  caughtUp(skipped: number): void {
    this.#log.info({ event: 'client-caught-up', ...this.#client.fields, skipped }, 'client has caught up');
  }

  lost(skipped: number): void {
    this.#log.info(
      { event: 'client-away-too-long', ...this.#client.fields, skipped },
      'client was away too long: the history no longer has all that it missed',
    );
  }

  stalled(): void {
    this.#log.warn(
      { event: 'client-stalled', ...this.#client.fields },
      'client is stalled: it is disconnected',
    );
  }
}
