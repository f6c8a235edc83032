import { ChimedError, isErrorCode, messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { ProvidedAnswer, Rejection, Unwanted, Wanted } from '../protocol/messages.ts';
import { Rate } from '../rate.ts';
import { checkedTopic, isHandler } from './arguments.ts';
import { GeneratorRun } from './generator-run.ts';
import type { Link } from './link.ts';
import type { Requests } from './pending-requests.ts';
import { ProvideRequests } from './provide-requests.ts';
import { ProvidedTopic } from './provided-topic.ts';
import type { DemandListener, Providing } from './provided-topic.ts';
import type { Generate, ProvideHandler, Provided, Refusal } from './provided.ts';
import { isDropped } from './rejections.ts';

/** Log lines about refused messages. */
const LINES_PER_SECOND = 1;
const LINES_BURST_SECONDS = 10;

export interface ProvidingListener {
  refused(refusal: Refusal): void;
  /** A message that could not be sent for lack of room can be sent now. */
  room(): void;
}

/** The topics that a client provides: what the daemon says of each, and who waits to send. */
export class ProvidedTopics implements Providing {
  readonly #link: Link;
  readonly #logger: Logger;
  readonly #listener: ProvidingListener;
  readonly #requests: ProvideRequests;
  readonly #topics = new Map<string, ProvidedTopic>();
  /** A message was not sent for lack of room. */
  #isShort = false;
  #waiting: (() => void)[] = [];
  readonly #lines = new Rate(LINES_PER_SECOND, LINES_BURST_SECONDS);
  #leftOut = 0;

  constructor(link: Link, requests: Requests, logger: Logger, listener: ProvidingListener) {
    this.#link = link;
    this.#logger = logger;
    this.#listener = listener;
    this.#requests = new ProvideRequests(link, requests, (topic, error) => {
      // If not, it has ended since, and another one may have its name.
      if (this.#topics.get(topic.topic) === topic) this.#finish([topic], error);
    });
  }

  /** @throws {ChimedError} `bad-request` for what is no topic, no way to provide it, or provided already. */
  provide(topic: string, how: Generate | ProvideHandler): Provided {
    checkedTopic(topic);
    if (typeof how !== 'function' && !isHandler(how))
      throw new ChimedError('bad-request', 'provide needs a generator, or { wanted, unwanted }');
    if (this.#topics.has(topic))
      throw new ChimedError('bad-request', `this client provides ${topic} already; end that first`);
    const provided = new ProvidedTopic(topic, this, (target) => this.#demand(target, how));
    this.#topics.set(topic, provided);
    this.#requests.ask(provided);
    return provided;
  }

  /** A topic of a client that is closed. */
  ended(topic: string, error: ChimedError | undefined): Provided {
    const provided = new ProvidedTopic(checkedTopic(topic), this, () => ({ wanted() {}, unwanted() {} }));
    provided.finish(error);
    return provided;
  }

  get frameBytes(): number {
    return this.#requests.frameBytes;
  }

  takeRoom(): boolean {
    if (this.#link.hasRoom) return true;
    this.#isShort = true;
    return false;
  }

  send(frame: Buffer): void {
    this.#link.send(frame);
  }

  failed(topic: ProvidedTopic): void {
    this.#requests.fail(topic);
  }

  left(topic: ProvidedTopic): Promise<void> {
    if (this.#topics.get(topic.topic) === topic) this.#topics.delete(topic.topic);
    return this.#requests.leave(topic);
  }

  /** The client is ready. @param frameBytes Largest frame that the daemon accepts. */
  ready(frameBytes: number): void {
    this.#requests.ready(frameBytes);
  }

  /** The connection is gone: nobody listens, and the next daemon must be asked for all topics. */
  lost(): void {
    this.#isShort = false;
    this.#requests.reset();
    for (const topic of this.#topics.values()) {
      topic.becomeUnwanted();
      this.#requests.ask(topic);
    }
    this.#announceRoom();
  }

  /** The client is closed, with the error if it gave up. */
  end(error: ChimedError | undefined): void {
    this.#end(error);
    this.#announceRoom();
  }

  /** The daemon has read what was sent. */
  drained(): void {
    this.#requests.flush();
    this.#announceRoom();
  }

  wanted(wanted: Wanted): void {
    const topic = this.#topics.get(wanted.topic);
    // If it is not accepted yet, this was meant for one of the same name that has ended since.
    if (topic?.standing === 'provided') topic.becomeWanted(wanted);
  }

  unwanted({ topic }: Unwanted): void {
    this.#topics.get(topic)?.becomeUnwanted();
  }

  /** The daemon has accepted the topics of a request, but for those that it refused before. */
  provided(answer: ProvidedAnswer): void {
    this.#requests.accepted(answer);
  }

  /** Takes a rejection. Returns false if it is about something else. */
  rejected(rejection: Rejection): boolean {
    const { request = '', code, message, topic } = rejection;
    if (!request.startsWith('chimed.')) {
      this.#log(rejection);
      if (isDropped(rejection))
        this.#listener.refused({ topic: request, code: isErrorCode(code) ? code : 'bad-request', message });
    } else if (request === 'chimed.fail') this.#log(rejection);
    else if (request !== 'chimed.provide') return false;
    else if (!isDropped(rejection)) this.#log(rejection);
    else if (code === 'bad-type') this.#end(tooOld(message));
    else this.#requests.rejected(rejection, this.#topics.get(topic ?? ''));
    return true;
  }

  #demand(provided: ProvidedTopic, how: Generate | ProvideHandler): DemandListener {
    const logger = this.#logger;
    if (typeof how === 'function')
      return new GeneratorRun(how, { provided, logger, room: () => this.#room() });
    // A mistake in one of many handlers must not keep the others from what they are told.
    const attempt = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        logger.error({ topic: provided.topic, error }, 'the handler of a provided topic has thrown');
        provided.fail(messageOf(error));
      }
    };
    return {
      wanted: (last) => attempt(() => how.wanted(last)),
      unwanted: () => attempt(() => how.unwanted()),
    };
  }

  #end(error: ChimedError | undefined): void {
    this.#requests.reset();
    this.#finish([...this.#topics.values()], error);
  }

  #finish(topics: readonly ProvidedTopic[], error: ChimedError | undefined): void {
    for (const topic of topics) this.#topics.delete(topic.topic);
    for (const topic of topics) {
      topic.standing = 'unasked'; // There is nothing to give up.
      void this.#requests.leave(topic);
      topic.finish(error);
    }
  }

  #room(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #announceRoom(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
    if (!this.#isShort || !this.#link.hasRoom) return;
    this.#isShort = false;
    this.#listener.room();
  }

  #log({ code, topic, request, message }: Rejection): void {
    if (!this.#lines.take()) return void this.#leftOut++;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    this.#logger.warn({ code, topic: topic ?? request, ...(leftOut > 0 && { leftOut }) }, message);
  }
}

function tooOld(message: string): ChimedError {
  const remedy = 'clients cannot provide topics to it: upgrade and restart the daemon';
  return new ChimedError('bad-type', `the daemon is older than this library, and ${remedy} (${message})`);
}
