import { isDeepStrictEqual } from 'node:util';

import { ChimedError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Frame, OnBehalfOf, Registered, ResumePoint } from '../protocol/messages.ts';
import type { ConnectOptions } from './options.ts';
import type { Standing } from './standing.ts';
import type { Subscriptions } from './subscriptions.ts';

/** The registration that each connection begins with, and what the daemon answers. */
export class Greeting {
  readonly #name: string | undefined;
  /** As it travels. */
  readonly #onBehalfOf: OnBehalfOf | undefined;
  readonly #subscriptions: Subscriptions;
  readonly #standing: Standing;
  readonly #logger: Logger;
  #frameBytes = Infinity;

  constructor(
    { name, onBehalfOf }: ConnectOptions,
    subscriptions: Subscriptions,
    standing: Standing,
    logger: Logger,
  ) {
    this.#name = name;
    this.#onBehalfOf = onBehalfOf && (JSON.parse(JSON.stringify(onBehalfOf)) as OnBehalfOf);
    this.#subscriptions = subscriptions;
    this.#standing = standing;
    this.#logger = logger;
  }

  /** Largest frame that the daemon accepts; one of version 0.1 does not say. */
  get frameBytes(): number {
    return this.#frameBytes;
  }

  /**
   * All that the daemon must know of this client.
   * @param afresh Nothing is resumed.
   */
  hello(afresh: boolean): Frame {
    const name = this.#name;
    const onBehalfOf = this.#onBehalfOf;
    const resume = afresh ? undefined : this.#resume();
    return {
      type: 'chimed.register',
      data: {
        topics: this.#subscriptions.patterns,
        ...(name !== undefined && { name }),
        ...(resume && { resume }),
        ...(onBehalfOf && { onBehalfOf }),
      },
    };
  }

  #resume(): ResumePoint | undefined {
    const { resume, leftOut } = this.#standing.resumePoint(this.#frameBytes);
    if (leftOut > 0) {
      const why = 'begin with their latest message: their positions do not fit into one frame';
      this.#logger.warn({ topics: leftOut }, `${leftOut} topics ${why} (clients.frameBytes)`);
    }
    return resume;
  }

  /**
   * Takes the answer.
   * @returns `resumed`: the numbering continues. `uncounted`: messages may be lost that nobody can count.
   */
  answered(registered: Registered): { resumed: boolean; uncounted: boolean } {
    this.#frameBytes = registered.limits?.frameBytes ?? Infinity;
    const { resumed, uncounted } = this.#standing.registered(registered);
    if (uncounted) {
      const why = resumed
        ? 'the daemon does not know all that came since'
        : 'the daemon began a new numbering';
      const { instance } = registered;
      this.#logger.warn({ instance }, `${why}: some messages may be lost, the number is unknown`);
    }
    return { resumed, uncounted };
  }

  /** Why this client must leave: a daemon that does not know `onBehalfOf` would serve it as the user of this process. */
  refusal({ onBehalfOf: served }: Registered): ChimedError | undefined {
    if (!this.#onBehalfOf || isDeepStrictEqual(served, this.#onBehalfOf)) return undefined;
    const message =
      'the daemon does not make requests on behalf of other users: it would serve this client as the user of this process. Upgrade and restart the daemon.';
    return new ChimedError('not-allowed', message);
  }
}
