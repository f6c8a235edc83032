import { ChimedError } from '../errors.ts';
import type { OriginNumbers, Wanted } from '../protocol/messages.ts';
import { encodeProvided } from '../transport/frames.ts';
import { clipped } from '../text.ts';
import { carried, checkNumbers } from './arguments.ts';
import { refusalOfOwn } from './own-frames.ts';
import type { Provided } from './provided.ts';

/** Longest reason of a failure that the daemon passes on. */
const LONGEST_FAILURE = 1000;

/** What a topic needs of the client that provides it. */
export interface Providing {
  /** Largest frame that the daemon accepts. */
  readonly frameBytes: number;
  /** False if there is no daemon, or it has yet to read what was sent before; then room is announced later. */
  takeRoom(): boolean;
  send(frame: Buffer): void;
  /** The daemon must be told why this topic fails, or that it fails no more. */
  failed(topic: ProvidedTopic): void;
  /** The topic has ended. Resolves when the daemon has been told, if it knew of the topic. */
  left(topic: ProvidedTopic): Promise<void>;
}

/** What `ProvideHandler` says, without an exception. */
export interface DemandListener {
  wanted(last: Omit<Wanted, 'topic'>): void;
  unwanted(): void;
}

/** One topic that this client provides. */
export class ProvidedTopic implements Provided {
  readonly topic: string;
  readonly #providing: Providing;
  readonly #demand: DemandListener;
  readonly #ended = Promise.withResolvers<ChimedError | undefined>();
  #hasEnded = false;
  #wanted = false;
  #failure: string | undefined;
  /** What the daemon of this connection knows of it. */
  standing: 'unasked' | 'asked' | 'provided' = 'unasked';
  /** The daemon has accepted it before, maybe in an earlier connection. */
  wasProvided = false;

  /** @param demand Makes what is told of listeners; called once. */
  constructor(topic: string, providing: Providing, demand: (provided: ProvidedTopic) => DemandListener) {
    this.topic = topic;
    this.#providing = providing;
    this.#demand = demand(this);
  }

  get wanted(): boolean {
    return this.#wanted;
  }

  get ended(): Promise<ChimedError | undefined> {
    return this.#ended.promise;
  }

  /** Why it fails, if it does. A message heals it. */
  get failure(): string | undefined {
    return this.#failure;
  }

  send(data: unknown, numbers?: OriginNumbers): boolean {
    if (numbers) checkNumbers(numbers);
    if (!this.#wanted || !this.#providing.takeRoom()) return false;
    const frame = encodeProvided(this.topic, carried(data), numbers);
    const refusal = refusalOfOwn(frame, this.#providing.frameBytes);
    if (refusal) throw new ChimedError('too-large', `${this.topic}: ${refusal.message}`);
    this.#providing.send(frame);
    this.#failure = undefined;
    return true;
  }

  fail(error: string): void {
    if (this.#hasEnded) return;
    this.#failure = clipped(String(error) || 'no reason was given', LONGEST_FAILURE - 1);
    this.#providing.failed(this);
  }

  heal(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#providing.failed(this);
  }

  async end(): Promise<void> {
    if (this.#hasEnded) return;
    this.finish();
    await this.#providing.left(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  /** Called by the client when somebody listens. */
  becomeWanted({ instance, seq }: Wanted): void {
    if (this.#hasEnded) return;
    this.#wanted = true;
    this.#demand.wanted({ instance, seq });
  }

  /** Called by the client when nobody listens any more, or there is no daemon. */
  becomeUnwanted(): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    this.#demand.unwanted();
  }

  /** Called by the client when it is provided no more, with the error if the daemon refused it. */
  finish(error?: ChimedError): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.becomeUnwanted();
    this.#ended.resolve(error);
  }
}
