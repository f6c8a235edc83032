/** Messages of which it is remembered whose they were. */
const REMEMBERED = 65_536;

/**
 * Numbers the messages of all topics together, so that who reads many of them can resume with one number: of the last
 * messages it remembers whose they were, 256 KiB in all.
 */
export class Offsets {
  /** The topic of each of the last messages, by its offset; topics are numbers. */
  readonly #topics = new Uint32Array(REMEMBERED);
  /**
   * By how much each of them raised its topic's `seq`, NaN if it began another numbering; 512 KiB, once a message has
   * raised it by more than 1.
   */
  #advances: Float64Array | undefined;
  /** The offset of the latest message. */
  #last: number;
  /** Offsets from this one on are remembered. */
  readonly #first: number;
  #topicCount = 0;
  /** Numbers of topics that are gone. What came for one after it is given again is its new topic's. */
  readonly #free: number[] = [];

  /** @param last The offset of the latest message of before. */
  constructor(last = 0) {
    this.#last = last;
    this.#first = last + 1;
  }

  get last(): number {
    return this.#last;
  }

  /** A number for a topic. */
  addTopic(): number {
    return this.#free.pop() ?? ++this.#topicCount;
  }

  removeTopic(topic: number): void {
    this.#free.push(topic);
  }

  /**
   * The offset of the next message.
   * @param topic The number of its topic.
   * @param advance By how much it raises the topic's `seq`, NaN if nobody knows.
   */
  next(topic: number, advance = 1): number {
    const offset = ++this.#last;
    const place = offset % REMEMBERED;
    this.#topics[place] = topic;
    if (advance !== 1) this.#advances ??= new Float64Array(REMEMBERED).fill(1);
    if (this.#advances) this.#advances[place] = advance;
    return offset;
  }

  /** Counts what comes and has come after an offset; undefined if nobody can, or that offset has not been reached. */
  since(offset: number): CountSince | undefined {
    return this.#remembers(offset) ? new CountSince(this, offset, this.#topicCount) : undefined;
  }

  /**
   * Adds to the counts of topics, by their numbers, how much what came after an offset has raised their `seq`.
   * @returns whether that is remembered.
   */
  count(counts: Float64Array, offset: number): boolean {
    if (!this.#remembers(offset)) return false;
    const advances = this.#advances;
    if (advances)
      for (let at = offset + 1; at <= this.#last; at++)
        counts[this.#topics[at % REMEMBERED]!]! += advances[at % REMEMBERED]!;
    else for (let at = offset + 1; at <= this.#last; at++) counts[this.#topics[at % REMEMBERED]!]!++;
    return true;
  }

  #remembers(offset: number): boolean {
    return offset <= this.#last && offset + 1 >= Math.max(this.#first, this.#last - REMEMBERED + 1);
  }
}

/** By how much the `seq` of each topic has risen after an offset. */
export class CountSince {
  readonly #offsets: Offsets;
  /** By the numbers of topics, which a Map would take milliseconds for. */
  readonly #counts: Float64Array;
  /** What has been counted. */
  #upTo: number;

  /** @param topicCount Topics that there are: of later ones nothing is counted. */
  constructor(offsets: Offsets, offset: number, topicCount: number) {
    this.#offsets = offsets;
    this.#counts = new Float64Array(topicCount + 1);
    this.#upTo = offset;
  }

  /** So far. @param topic The number of a topic. @returns undefined if nobody knows: its numbering is another, or too much has come since it was last asked for. */
  of(topic: number): number | undefined {
    if (!this.#offsets.count(this.#counts, this.#upTo)) return undefined;
    this.#upTo = this.#offsets.last;
    const count = this.#counts[topic];
    return count === undefined || Number.isNaN(count) ? undefined : count;
  }
}
