/** Messages of which it is remembered whose they were. */
const REMEMBERED = 65_536;

/**
 * Numbers the messages of all topics together, so that who reads many of them can resume with one number: of the last
 * messages it remembers whose they were, 256 KiB in all.
 */
export class Offsets {
  /** The topic of each of the last messages, by its offset; topics are numbers. */
  readonly #topics = new Uint32Array(REMEMBERED);
  /** The offset of the latest message. */
  #last: number;
  /** Offsets from this one on are remembered. */
  readonly #first: number;
  #topicCount = 0;

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
    return ++this.#topicCount;
  }

  /** The offset of the next message. @param topic The number of its topic. */
  next(topic: number): number {
    const offset = ++this.#last;
    this.#topics[offset % REMEMBERED] = topic;
    return offset;
  }

  /** Counts what comes and has come after an offset; undefined if nobody can, or that offset has not been reached. */
  since(offset: number): CountSince | undefined {
    return this.#remembers(offset) ? new CountSince(this, offset, this.#topicCount) : undefined;
  }

  /** Adds to the counts of topics, by their numbers, what came after an offset. @returns whether that is remembered. */
  count(counts: Uint32Array, offset: number): boolean {
    if (!this.#remembers(offset)) return false;
    for (let at = offset + 1; at <= this.#last; at++) counts[this.#topics[at % REMEMBERED]!]!++;
    return true;
  }

  #remembers(offset: number): boolean {
    return offset <= this.#last && offset + 1 >= Math.max(this.#first, this.#last - REMEMBERED + 1);
  }
}

/** How many messages of each topic have come after an offset. */
export class CountSince {
  readonly #offsets: Offsets;
  /** By the numbers of topics, which a Map would take milliseconds for. */
  readonly #counts: Uint32Array;
  /** What has been counted. */
  #upTo: number;

  /** @param topicCount Topics that there are: of later ones nothing is counted. */
  constructor(offsets: Offsets, offset: number, topicCount: number) {
    this.#offsets = offsets;
    this.#counts = new Uint32Array(topicCount + 1);
    this.#upTo = offset;
  }

  /** So far. @param topic The number of a topic. @returns undefined if too much has come since it was last asked for. */
  of(topic: number): number | undefined {
    if (!this.#offsets.count(this.#counts, this.#upTo)) return undefined;
    this.#upTo = this.#offsets.last;
    return this.#counts[topic];
  }
}
