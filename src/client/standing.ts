import type { Registered, ResumePoint } from '../protocol/messages.ts';
import type { Position } from './message-queue.ts';
import type { ResumeAfter, ResumeFrom } from './options.ts';
import type { Subscriptions } from './subscriptions.ts';

/** Largest registration, for a daemon that has not said what it accepts (`clients.frameBytes`). */
const MOST_BYTES = 1024 * 1024;
/** Values of a registration that name positions, at most; the daemon accepts 50,000 in a frame. */
const MOST_VALUES = 40_000;
/** Bytes of a registration beside its patterns and positions: a name of 100 characters, and the braces. */
const ENVELOPE_BYTES = 1000;

/** Where a client stands in its topics, and what it asks a daemon to continue from. */
export class Standing {
  readonly #subscriptions: Subscriptions;
  /** The daemon's numbering: of the last daemon, or of the one that an earlier client heard. */
  #instance: string | undefined;
  /** Where an earlier client stood, until a daemon has answered. */
  #from: ResumeFrom | ResumeAfter | undefined;
  #registered = false;

  constructor(subscriptions: Subscriptions, resume: ResumeFrom | ResumeAfter | undefined) {
    this.#subscriptions = subscriptions;
    this.#instance = resume?.instance;
    this.#from = resume;
  }

  /** The daemon's numbering, to which messages belong that name none. */
  get instance(): string | undefined {
    return this.#instance;
  }

  /** What a later client can resume; undefined before a daemon has answered. */
  get position(): ResumeAfter | undefined {
    if (!this.#registered) return undefined;
    const { leftOut: _, ...positions } = this.#resumeAfter(Infinity);
    return { instance: this.#instance!, ...positions };
  }

  /**
   * What the next registration resumes, as far as its frame has room. A topic that is left out begins with its latest
   * message, and the client counts what it missed by the numbers.
   * @param frameBytes Largest frame that the daemon accepts.
   */
  resumePoint(frameBytes: number): { resume?: ResumePoint; leftOut: number } {
    const instance = this.#instance;
    if (this.#from && 'offset' in this.#from) return { resume: this.#from, leftOut: 0 };
    if (instance === undefined) return { leftOut: 0 };
    const patterns = this.#subscriptions.patterns.reduce((sum, { length }) => sum + length + 3, 0);
    const mostBytes = Math.min(frameBytes, MOST_BYTES) - patterns - ENVELOPE_BYTES;
    const { leftOut, ...positions } = this.#resumeAfter(mostBytes);
    return { resume: { instance, ...positions }, leftOut };
  }

  /**
   * Takes what the daemon answered to a registration.
   * @returns `resumed`: the numbering continues. `uncounted`: messages may be lost that nobody can count.
   */
  registered({ instance, topics, uncounted, more }: Registered): { resumed: boolean; uncounted: boolean } {
    const [former, from] = [this.#instance, this.#from];
    this.#instance = instance;
    this.#from = undefined;
    this.#registered = true;
    if (from && 'after' in from)
      for (const [topic, position] of positionsIn(from)) this.#subscriptions.begin(topic, position);
    const byOffset = from && 'offset' in from;
    if (instance !== former) {
      const hasForgotten = former !== undefined && this.#subscriptions.forget(former);
      return { resumed: false, uncounted: byOffset ? true : hasForgotten };
    }
    if (!byOffset) return { resumed: true, uncounted: uncounted ?? false };
    let isUncounted = uncounted ?? more ?? false;
    for (const { topic, seq, after, instance: own = instance } of topics) {
      if (after !== undefined) this.#subscriptions.begin(topic, { instance: own, seq: after });
      else if (seq > 0) isUncounted = true; // It has been added since, or too much has come.
    }
    return { resumed: true, uncounted: isUncounted };
  }

  get #positions(): Iterable<[string, Position]> {
    if (!this.#from || 'offset' in this.#from) return this.#subscriptions.positions;
    return positionsIn(this.#from).filter(([topic]) => this.#subscriptions.hears(topic));
  }

  #resumeAfter(mostBytes: number): Required<Pick<ResumePoint, 'after' | 'instances'>> & { leftOut: number } {
    const after: [string, number][] = [];
    const instances: [string, string][] = [];
    let [bytes, values, leftOut] = [0, 0, 0];
    for (const [topic, { instance, seq }] of this.#positions) {
      const isOwn = instance !== this.#instance;
      bytes += topic.length + String(seq).length + 4 + (isOwn ? topic.length + instance.length + 6 : 0);
      values += isOwn ? 4 : 2;
      if (mostBytes !== Infinity && (bytes > mostBytes || values > MOST_VALUES)) {
        leftOut++;
        continue;
      }
      after.push([topic, seq]);
      if (isOwn) instances.push([topic, instance]);
    }
    return { after: Object.fromEntries(after), instances: Object.fromEntries(instances), leftOut };
  }
}

function positionsIn({ instance, after, instances = {} }: ResumeAfter): [string, Position][] {
  return Object.entries(after).map(([topic, seq]) => {
    const own = Object.hasOwn(instances, topic) ? instances[topic]! : instance;
    return [topic, { instance: own, seq }];
  });
}
