import { messageOf } from '../../errors.ts';
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
  /** A message. @param json Its payload. */
  message(json: string): void;
  /** Its source fails. */
  failing(error: string): void;
}

/** Has somebody follow a topic until `signal` aborts. It begins with the latest message, if there is one that counts. */
export type FollowTopic = (topic: string, follower: TopicFollower, signal: AbortSignal) => void;

/** Makes its payloads of another topic's. While its topic is awake, the other one is. */
export function derivedSource(derivation: Derivation, follow: FollowTopic): StreamSource {
  return {
    async run(signal, sink, latest) {
      const steps = new Steps(derivation, sink, latest);
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
  readonly #window: Window | undefined;
  readonly #periods: NodeJS.Timeout | undefined;
  readonly #condition: Condition | undefined;

  constructor(derivation: Derivation, sink: StreamSink, latest: string | undefined) {
    const { take, when } = derivation;
    this.#derivation = derivation;
    this.#sink = sink;
    if (take) {
      this.#window = new Window(take.reduction);
      this.#periods = setInterval(() => this.#endPeriod(), take.overMs);
    }
    if (when)
      this.#condition = new Condition(when, (active, value) => sink.send({ active, value }), stateOf(latest));
  }

  message(json: string): void {
    const { from, pick } = this.#derivation;
    const payload: unknown = JSON.parse(json);
    const value = pick ? valueAt(payload, pick) : payload;
    if (value === undefined) return this.#fail(`${from} has nothing at /${pick!.join('/')}`);
    this.#sink.recover();
    if (this.#window) this.#try(() => this.#window?.add(value));
    else this.#pass(value);
  }

  failing(error: string): void {
    this.#fail(`${this.#derivation.from} is failing: ${error}`);
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
    if (this.#condition) this.#try(() => this.#condition?.see(value));
    else this.#sink.send(value);
  }

  #try(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#fail(messageOf(error));
    }
  }

  #fail(error: string): void {
    this.#condition?.stop();
    this.#sink.fail(error);
  }
}

/** What the latest message has said of the condition; undefined if it was none of a condition. */
function stateOf(latest: string | undefined): boolean | undefined {
  const payload = latest === undefined ? null : (JSON.parse(latest) as { active?: unknown } | null);
  return typeof payload?.active === 'boolean' ? payload.active : undefined;
}
