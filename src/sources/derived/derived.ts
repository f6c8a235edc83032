import { clipped } from '../../text.ts';
import type { StreamSink, StreamSource } from '../source.ts';
import { Condition } from './condition.ts';
import type { Threshold } from './condition.ts';
import { valueAt } from './json-pointer.ts';
import { Window } from './window.ts';
import type { Reduction } from './window.ts';

/** What is made of the messages of another topic, in this order. */
export interface Derivation {
  from: string;
  /** Keys of what is taken of each payload. @default all of it */
  pick?: readonly string[];
  /** One value for all of a period. @default each of them */
  take?: { reduction: Reduction; overMs: number };
  /** Sends whether it is so, and only when that changes. @default the values */
  when?: Threshold;
}

/** Who follows a topic inside the daemon. What they throw is a mistake of ours. */
export interface TopicFollower {
  /** A message has been sent. */
  message(payload: unknown): void;
  /** The latest message, which may have been told before. */
  latest(payload: unknown): void;
  /** Its source fails. */
  failing(error: string): void;
  /** It works again, though there may be no message. */
  recovered(): void;
}

/** Has somebody follow a topic until `signal` aborts. It begins with the latest message, if there is one that counts. */
export type FollowTopic = (topic: string, follower: TopicFollower, signal: AbortSignal) => void;

/**
 * Makes its payloads of another topic's. While its topic is awake, the other one is.
 * @param own Its own latest payload as JSON, if there is one.
 */
export function derivedSource(
  derivation: Derivation,
  follow: FollowTopic,
  own: () => string | undefined,
): StreamSource {
  return {
    async run(signal, sink) {
      const steps = new Steps(derivation, sink, own);
      try {
        follow(derivation.from, steps, signal);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      } finally {
        steps.stop();
      }
    },
  };
}

/** The steps from a message to a payload. */
class Steps implements TopicFollower {
  readonly #derivation: Derivation;
  readonly #sink: StreamSink;
  readonly #own: () => string | undefined;
  readonly #window: Window | undefined;
  readonly #periods: NodeJS.Timeout | undefined;
  readonly #condition: Condition | undefined;
  /** It fails since the other topic does, and for no reason of its own. */
  #hasFailingSource = false;

  constructor(derivation: Derivation, sink: StreamSink, own: () => string | undefined) {
    const { take, when } = derivation;
    this.#derivation = derivation;
    this.#sink = sink;
    this.#own = own;
    if (take) {
      this.#window = new Window(take.reduction);
      this.#periods = setInterval(() => this.#endPeriod(), take.overMs);
    }
    if (when)
      this.#condition = new Condition(when, (active, value) => sink.send({ active, value }), stateOf(own()));
  }

  message(payload: unknown): void {
    const value = this.#picked(payload);
    if (value === undefined) return;
    this.#sink.recover();
    if (this.#window) this.#window.add(value);
    else this.#pass(value);
  }

  /** Each message counts once: in a period, this one counts no more, and what it gives is sent only if it is another. */
  latest(payload: unknown): void {
    if (this.#window) return;
    const value = this.#picked(payload);
    if (value === undefined) return;
    this.#sink.recover();
    if (this.#condition || JSON.stringify(value) !== this.#own()) this.#pass(value);
  }

  /** The part of a payload that counts; undefined if there is none that can be used, which is told. */
  #picked(payload: unknown): unknown {
    const { from, pick } = this.#derivation;
    const value = pick ? valueAt(payload, pick) : payload;
    if (value === undefined)
      this.#fail(`${from} has nothing at /${pick!.join('/')}; its payload is ${kindOf(payload)}`);
    if (value === undefined || !this.#needsNumber || typeof value === 'number') return value;
    return void this.#fail(
      `${this.#needsNumber} needs a number, but the value is ${kindOf(value)}; set pick to a number in it`,
    );
  }

  failing(error: string): void {
    this.#fail(`${this.#derivation.from} is failing: ${error}`);
    this.#hasFailingSource = true;
  }

  recovered(): void {
    if (this.#hasFailingSource) this.#sink.recover();
    this.#hasFailingSource = false;
  }

  stop(): void {
    clearInterval(this.#periods);
    this.#condition?.stop();
  }

  #endPeriod(): void {
    const value = this.#window?.end();
    if (value !== undefined) this.#pass(value);
  }

  #pass(value: unknown): void {
    if (this.#condition) this.#condition.see(value as number);
    else this.#sink.send(value);
  }

  /** What needs a number, if anything does. */
  get #needsNumber(): string | undefined {
    const { take, when } = this.#derivation;
    if (take && take.reduction !== 'last') return take.reduction;
    return when && 'when';
  }

  #fail(error: string): void {
    this.#condition?.stop();
    this.#hasFailingSource = false;
    this.#sink.fail(error);
  }
}

/** What the latest message has said of the condition; undefined if it was none of a condition. */
function stateOf(latest: string | undefined): boolean | undefined {
  const payload = latest === undefined ? null : (JSON.parse(latest) as { active?: unknown } | null);
  return typeof payload?.active === 'boolean' ? payload.active : undefined;
}

/** How many keys of an object an error names. */
const NAMED = 10;

/** A payload as an error describes it: not what it says, or each one would be another error. */
function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return 'a text';
  if (typeof value !== 'object' || value === null) return String(value);
  const keys = Object.keys(value);
  const named = keys.slice(0, NAMED).map((key) => clipped(key, 40));
  return `an object with ${named.join(', ')}${keys.length > NAMED ? ', …' : ''}`;
}
