import type { EventEmitter } from 'node:events';

import { ChimedError, isErrorCode } from '../errors.ts';
import type { Logger } from '../log.ts';
import type {
  Failing,
  Frame,
  ProvidedAnswer,
  Recovered,
  Rejection,
  RequestId,
  Unwanted,
  Wanted,
} from '../protocol/messages.ts';
import { isReceivedSeq } from '../protocol/number-bounds.ts';
import type { Status } from '../protocol/status-snapshot.ts';
import { Rate } from '../rate.ts';
import type { ClientEvents } from './api.ts';
import type { MessageQueue } from './message-queue.ts';
import type { Requests } from './pending-requests.ts';
import type { ProvidedTopics } from './provided-topics.ts';
import { isDropped } from './rejections.ts';
import type { Standing } from './standing.ts';
import type { Subscriptions } from './subscriptions.ts';

/** Log lines about numberings that have changed: a provider can change its own with each message. */
const LINES_PER_SECOND = 1;
const LINES_BURST_SECONDS = 10;

/** What takes the frames of the daemon. */
export interface Recipients {
  subscriptions: Subscriptions;
  standing: Standing;
  requests: Requests;
  provided: ProvidedTopics;
  events: EventEmitter<ClientEvents>;
  logger: Logger;
  /** Ends a registration. */
  unsubscribe(subscription: MessageQueue): void;
}

/** Hands each frame of the daemon to what it is for. */
export class Incoming {
  readonly #to: Recipients;
  readonly #lines = new Rate(LINES_PER_SECOND, LINES_BURST_SECONDS);

  constructor(recipients: Recipients) {
    this.#to = recipients;
  }

  /** @param bytes Its length. */
  take(frame: Frame, bytes: number): void {
    const { requests, provided } = this.#to;
    switch (frame.type) {
      case 'chimed.published':
      case 'chimed.cleared':
      case 'chimed.got':
      case 'chimed.sampled':
      case 'chimed.reloaded':
        return requests.answered(frame.data as { id?: RequestId });
      case 'chimed.provided':
        provided.provided(frame.data as ProvidedAnswer);
        return requests.answered(frame.data as ProvidedAnswer);
      case 'chimed.status':
        return requests.statusCame(frame.data as Status & { id?: RequestId });
      case 'chimed.rejected':
        return this.#rejected(frame.data as Rejection);
      case 'chimed.wanted':
        return provided.wanted(frame.data as Wanted);
      case 'chimed.unwanted':
        return provided.unwanted(frame.data as Unwanted);
      case 'chimed.failing':
        return this.#failing(frame.data as Failing);
      case 'chimed.recovered':
        return this.#recovered(frame.data as Recovered);
      default:
        this.#message(frame, bytes);
    }
  }

  #failing(failing: Failing): void {
    const { events, logger } = this.#to;
    const { topic, error } = failing;
    logger.warn({ topic, error }, 'the source of a topic is failing');
    events.emit('failing', failing);
  }

  #recovered(recovered: Recovered): void {
    const { events, logger } = this.#to;
    logger.info({ ...recovered }, 'the source of a topic has recovered');
    events.emit('recovered', recovered);
  }

  #message(frame: Frame, bytes: number): void {
    const { standing, subscriptions, events, logger } = this.#to;
    const { type: topic, data, seq = 0, time = 0, offset, instance = standing.instance, stale } = frame;
    if (instance === undefined) return; // Cannot be: nothing comes before the registration.
    if (!isReceivedSeq(seq)) {
      // Compared with others, or resumed after, it would do harm for longer than this message.
      logger[this.#lines.take() ? 'warn' : 'debug'](
        { topic, seq },
        'ignored a message: its seq cannot be the number of one',
      );
      return;
    }
    const more = { ...(offset !== undefined && { offset }), ...(stale && { stale }) };
    if (!subscriptions.push({ topic, seq, time, data, instance, bytes, ...more })) return;
    const what = 'the numbering of a topic has changed: some messages may be lost, the number is unknown';
    logger[this.#lines.take() ? 'warn' : 'debug']({ topic, instance }, what);
    events.emit('uncounted', topic);
  }

  #rejected(rejection: Rejection): void {
    const { provided, requests, subscriptions, logger } = this.#to;
    if (provided.rejected(rejection)) return;
    const { code, message, request, topic, id } = rejection;
    const error = new ChimedError(isErrorCode(code) ? code : 'bad-request', message);
    const isLost = isDropped(rejection);
    if (isLost && id !== undefined) return requests.rejected(id, error);
    logger.warn({ code, topic }, message);
    if (!isLost || request !== 'chimed.register' || topic === undefined) return;
    for (const subscription of subscriptions.asking(topic)) {
      subscription.end(error);
      this.#to.unsubscribe(subscription);
    }
  }
}
