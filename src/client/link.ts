import { ChimedError, isErrorCode } from '../errors.ts';
import type { Frame, Registered, Rejection, Stopping } from '../protocol/messages.ts';
import { backoff } from './backoff.ts';
import type { BackoffLimits } from './backoff.ts';
import type { State } from './connection-state.ts';
import { isDropped } from './rejections.ts';
import { dialFirst } from './search.ts';
import type { Search } from './search.ts';

/** Codes of a registration that would be refused again. */
const REFUSALS: ReadonlySet<string> = new Set(['too-large', 'bad-request']);
/** Bytes that wait for the daemon to read; past that, nothing more is sent. */
const MOST_PENDING_BYTES = 1024 * 1024;

export interface LinkOptions {
  /** Where a daemon may be, the first that answers is taken; asked before each attempt. */
  paths: () => readonly string[];
  /** False: give up at the first failure. */
  retry: BackoffLimits | false;
  /** How long the daemon may take to answer the registration, in milliseconds. */
  timeoutMs: number;
}

export interface LinkListener {
  /**
   * The registration to begin with.
   * @param afresh The daemon has refused the last one, maybe since it resumes: this one must not.
   */
  hello(afresh: boolean): Frame;
  /** The daemon has answered it; returns whether the numbering goes on. */
  registered(registered: Registered): boolean;
  /** @param bytes Its length. */
  frame(frame: Frame, bytes: number): void;
  /** The daemon has read what was sent, after much had waited. */
  drained(): void;
  state(state: State): void;
}

/** Keeps a connection to the daemon: connects, registers, and does so again whenever it breaks. */
export class Link {
  readonly #options: LinkOptions;
  readonly #listener: LinkListener;
  #line: Search | undefined;
  #timer: NodeJS.Timeout | undefined;
  #attempt = 0;
  #greeted = false;
  #ready = false;
  #wasRefused = false;
  #closed = false;
  /** What the daemon said before it closed the connection. */
  #lastWords: ChimedError | undefined;

  constructor(options: LinkOptions, listener: LinkListener) {
    this.#options = options;
    this.#listener = listener;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** True once the daemon was told what to register: what changes from then on must be told as well. */
  get greeted(): boolean {
    return this.#greeted;
  }

  /** False if there is no daemon, or it has yet to read much that was sent before; `drained` tells when it has. */
  get hasRoom(): boolean {
    return this.#ready && this.#line!.pendingBytes <= MOST_PENDING_BYTES;
  }

  open(): void {
    const { timeoutMs } = this.#options;
    this.#attempt++;
    this.#lastWords = undefined;
    this.#listener.state({ status: 'connecting', attempt: this.#attempt });
    if (this.#closed) return; // By whoever heard of the state.
    const line = dialFirst(this.#options.paths(), {
      connected: () => {
        line.send(this.#listener.hello(this.#wasRefused));
        this.#greeted = true;
      },
      frame: (frame, bytes) => this.#frame(frame, bytes),
      drained: () => this.#listener.drained(),
      ended: (error) => this.#ended(this.#lastWords ?? error),
    });
    this.#line = line;
    this.#timer = setTimeout(() => {
      line.hangUp();
      this.#ended(
        new ChimedError('timeout', `the daemon at ${line.path} did not answer within ${timeoutMs} ms`),
      );
    }, timeoutMs);
  }

  /** Sends a frame, or one that is encoded already. */
  send(frame: Frame | Buffer): void {
    this.#line?.send(frame);
  }

  close(error?: ChimedError): void {
    clearTimeout(this.#timer);
    this.#line?.hangUp();
    this.#line = undefined;
    this.#closed = true;
    this.#greeted = false;
    this.#ready = false;
    this.#listener.state({ status: 'closed', ...(error && { error }) });
  }

  #frame(frame: Frame, bytes: number): void {
    switch (frame.type) {
      case 'chimed.registered': {
        const registered = frame.data as Registered;
        const resumed = this.#listener.registered(registered);
        if (this.#closed) return; // The answer was not what it must be.
        if (!this.#ready) this.#registered(registered, resumed);
        return;
      }
      case 'chimed.stopping':
        this.#lastWords = new ChimedError(
          'no-daemon',
          `the daemon stopped: ${(frame.data as Stopping).reason}`,
        );
        return;
      case 'chimed.rejected':
        if (!this.#rejected(frame.data as Rejection)) this.#listener.frame(frame, bytes);
        return;
      default:
        this.#listener.frame(frame, bytes);
    }
  }

  /** Takes a rejection that is about the connection. Returns false if it is about one request. */
  #rejected(rejection: Rejection): boolean {
    const { code, message, request, topic } = rejection;
    const isOfGreeting =
      !this.#ready && request === 'chimed.register' && topic === undefined && isDropped(rejection);
    if (request !== undefined && !isOfGreeting) return false;
    const error = new ChimedError(isErrorCode(code) ? code : 'connection-lost', message);
    if (!this.#ready && REFUSALS.has(code)) this.#wasRefused = true;
    this.#lastWords = error;
    // One that answers no request is followed by the end of the connection; after the other, nothing would follow.
    if (isOfGreeting) {
      this.#line!.hangUp();
      this.#ended(error);
    }
    return true;
  }

  #registered({ client, instance }: Registered, resumed: boolean): void {
    clearTimeout(this.#timer);
    this.#wasRefused = false;
    this.#attempt = 0;
    this.#ready = true;
    this.#listener.state({ status: 'ready', client, instance, resumed });
  }

  #ended(error: ChimedError): void {
    const { retry } = this.#options;
    clearTimeout(this.#timer);
    this.#greeted = false;
    this.#ready = false;
    if (retry === false) return this.close(error);
    const attempt = Math.max(this.#attempt, 1);
    const delayMs = backoff(attempt, retry, Math.random());
    this.#timer = setTimeout(() => this.open(), delayMs);
    this.#listener.state({ status: 'waiting', attempt, delayMs, error });
  }
}
