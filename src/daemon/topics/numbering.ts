import type { SavedMessages } from './message-log.ts';
import type { SavedTopics } from './state.ts';

/** Removed topics whose own numbering is kept, in case a reload brings them back. */
const MOST_REMOVED = 1000;

/** Where topics that are not configured now go on with their numbering, should they come back. */
export class Numbering {
  /** What a restart restores, until `restored`. */
  #saved: Map<string, SavedMessages>;
  /** Numbers of the latest messages of removed topics, the first removed first. */
  readonly #removed = new Map<string, number>();
  /** The highest number of a topic that was forgotten: new topics start after it, so that no number comes twice. */
  #floor: number;

  constructor({ topics, floor }: SavedTopics) {
    this.#saved = new Map(topics);
    this.#floor = floor;
  }

  /** Where a topic that is added goes on, or begins. */
  take(name: string): SavedMessages {
    const saved = this.#saved.get(name) ?? { seq: this.#removed.get(name) ?? this.#floor, messages: [] };
    this.#saved.delete(name);
    this.#removed.delete(name);
    return saved;
  }

  /** Keeps the number of a topic that is removed. */
  keep(name: string, seq: number): void {
    if (seq === 0) return;
    this.#removed.set(name, seq);
    for (const [oldest, number] of this.#removed) {
      if (this.#removed.size <= MOST_REMOVED) return;
      this.#removed.delete(oldest);
      this.#floor = Math.max(this.#floor, number);
    }
  }

  /** All saved topics that are configured have been taken: of the others, only the number is kept. */
  restored(): void {
    for (const [name, { seq }] of this.#saved) this.keep(name, seq);
    this.#saved = new Map();
  }

  /** The number that topics which are added after a restart start after. */
  get floor(): number {
    return Math.max(this.#floor, ...this.#removed.values());
  }
}
