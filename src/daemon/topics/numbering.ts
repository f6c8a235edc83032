import type { SavedMessages } from './message-log.ts';
import { randomInstance } from './random-instance.ts';
import type { SavedTopics } from './state.ts';

/** Removed topics whose own numbering is kept, in case a reload brings them back. */
const MOST_REMOVED = 1000;

/** The number of a topic's latest message, and its numbering, if that is not the daemon's. */
export interface TopicStanding {
  readonly seq: number;
  readonly instance?: string | undefined;
  /** `seq` was given where the message was made. */
  readonly origin?: boolean | undefined;
}

/** Where topics that are not configured now go on with their numbering, should they come back. */
export class Numbering {
  /** What a restart restores, until `restored`. */
  #saved: Map<string, SavedMessages>;
  /** Where removed topics stood, the first removed first. */
  readonly #removed = new Map<string, TopicStanding>();
  /** The highest number of a topic that was forgotten: new topics start after it, so that no number comes twice. */
  #floor: number;

  constructor({ topics, floor }: SavedTopics) {
    this.#saved = new Map(topics);
    this.#floor = floor;
  }

  /** Names of the topics that a restart can restore, until `restored`. */
  get saved(): Iterable<string> {
    return this.#saved.keys();
  }

  /** Where a topic that is added goes on, or begins. */
  take(name: string): SavedMessages {
    const saved = this.#saved.get(name) ?? withoutMessages(this.#removed.get(name) ?? this.#begin());
    this.#saved.delete(name);
    this.#removed.delete(name);
    return saved;
  }

  /** Where a topic begins that nothing is known of: above the floor, nobody must count what is below it as missed. */
  #begin(): TopicStanding {
    return { seq: this.#floor, ...(this.#floor > 0 && { instance: randomInstance() }) };
  }

  /** Keeps where a topic stood that is removed. */
  keep(name: string, { seq, instance, origin }: TopicStanding): void {
    if (seq === 0) return;
    this.#removed.delete(name); // It is the one that was removed last.
    this.#removed.set(name, { seq, instance, origin });
    for (const [oldest, removed] of this.#removed) {
      if (this.#removed.size <= MOST_REMOVED) return;
      this.#removed.delete(oldest);
      this.#floor = Math.max(this.#floor, floorOf(removed));
    }
  }

  /** All saved topics that are configured have been taken: of the others, only the number is kept. */
  restored(): void {
    for (const [name, saved] of this.#saved) this.keep(name, saved);
    this.#saved = new Map();
  }

  /** The number that topics which are added after a restart start after. */
  get floor(): number {
    return Math.max(this.#floor, ...Array.from(this.#removed.values(), floorOf));
  }
}

function withoutMessages({ seq, instance, origin }: TopicStanding): SavedMessages {
  return {
    seq,
    ...(instance !== undefined && { instance }),
    ...(origin === true && { origin }),
    messages: [],
  };
}

/** Above any floor, a topic begins a numbering of its own: what another machine has numbered need not raise it. */
function floorOf({ seq, origin }: TopicStanding): number {
  return origin === true ? 1 : seq;
}
