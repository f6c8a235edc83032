import { setImmediate as nextTurn } from 'node:timers/promises';

import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { backoff } from './backoff.ts';
import type { DemandListener } from './provided-topic.ts';
import type { Generate, Provided } from './provided.ts';

const RETRY = { minMs: 100, maxMs: 5000 };

export interface GeneratorTarget {
  provided: Pick<Provided, 'topic' | 'send' | 'fail'>;
  /** Resolves when a message that could not be sent may be sent. */
  room(): Promise<void>;
  logger: Logger;
}

/** Runs the generator of a topic while somebody listens, and never twice at once. */
export class GeneratorRun implements DemandListener {
  readonly #generate: Generate;
  readonly #target: GeneratorTarget;
  /** Of the generator that runs; aborted once it is to end. */
  #abort: AbortController | undefined;
  /** Until it is called again after a failure. */
  #timer: NodeJS.Timeout | undefined;
  #wanted = false;
  /** Since the last message. */
  #failures = 0;

  constructor(generate: Generate, target: GeneratorTarget) {
    this.#generate = generate;
    this.#target = target;
  }

  wanted(): void {
    this.#wanted = true;
    if (this.#timer) return;
    if (!this.#abort) return void this.#run();
    if (!this.#abort.signal.aborted) return;
    const { provided, logger } = this.#target;
    const what = 'the generator of a topic is wanted again, and its last run has not ended';
    logger.debug({ topic: provided.topic }, `${what}: it must end when its signal aborts`);
  }

  unwanted(): void {
    this.#wanted = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#abort?.abort();
  }

  async #run(): Promise<void> {
    this.#timer = undefined;
    const { signal } = (this.#abort = new AbortController());
    let failure: { error: unknown } | undefined;
    try {
      await this.#sendAll(signal);
    } catch (error) {
      failure = { error };
    }
    this.#abort = undefined;
    if (signal.aborted) {
      if (this.#wanted) void this.#run(); // Somebody has come while it ended.
    } else if (failure) this.#failed(messageOf(failure.error));
  }

  async #sendAll(signal: AbortSignal): Promise<void> {
    const { provided, room } = this.#target;
    const iterable = this.#generate({ topic: provided.topic, signal });
    if (typeof iterable?.[Symbol.asyncIterator] !== 'function')
      throw new TypeError('the generator returned no async iterable; write it as `async function*`');
    const iterator = iterable[Symbol.asyncIterator]();
    signal.addEventListener('abort', () => void leave(iterator), { once: true });
    for await (const value of { [Symbol.asyncIterator]: () => iterator }) {
      while (!signal.aborted && !provided.send(value)) await room();
      if (signal.aborted) return;
      this.#failures = 0;
      // A generator that never waits would otherwise keep the event loop from everything else.
      await nextTurn();
    }
  }

  #failed(error: string): void {
    const { provided, logger } = this.#target;
    this.#failures++;
    // At least half of the longest delay: a generator that yields once before it throws would otherwise run without rest.
    const delayMs = backoff(this.#failures, RETRY, (1 + Math.random()) / 2);
    const log = this.#failures === 1 ? logger.warn : logger.debug;
    log.call(logger, { topic: provided.topic, error, delayMs }, 'the generator of a topic has failed');
    provided.fail(error);
    this.#timer = setTimeout(() => void this.#run(), delayMs);
  }
}

/** Ends an iterator at once, also one that waits and does not look at the signal. Its errors are those of a run that is over. */
async function leave(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {}
}
