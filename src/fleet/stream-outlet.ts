import type { EventLog } from '../log-events.ts';
import type { Position } from '../client/message-queue.ts';
import { messageOf } from '../errors.ts';
import type { Stream } from './stream.ts';

/** Messages of a topic that wait at most for the stream to confirm the one before. */
const MOST_WAITING = 100;
/** When a topic is tried again that the stream did not confirm, in milliseconds. */
const RETRY_MS = 500;

interface Waiting {
  subject: string;
  payload: string;
  position: Position;
}

/** A topic on its way into the stream. */
interface Flow {
  readonly waiting: Waiting[];
  isBusy: boolean;
  /** Something could not be kept: the daemon's history is read again from the last message that was. */
  isBehind: boolean;
  retry?: NodeJS.Timeout | undefined;
}

/**
 * Brings the messages of topics into the stream in order, one of each topic at a time. What the stream does not confirm is
 * read again from the daemon, as far as the topic's `history` reaches: nothing piles up here.
 */
export class StreamOutlet {
  readonly #own: string;
  readonly #stream: Stream;
  /** Reads a topic again, after a position. */
  readonly #readAgain: (topic: string, after: Position | undefined) => void;
  readonly #logger: EventLog;
  readonly #flows = new Map<string, Flow>();
  /** The last message of each topic that the stream has. */
  readonly #kept = new Map<string, Position>();
  published = 0;

  constructor(
    own: string,
    stream: Stream,
    readAgain: (topic: string, after: Position | undefined) => void,
    logger: EventLog,
  ) {
    this.#own = own;
    this.#stream = stream;
    this.#readAgain = readAgain;
    this.#logger = logger;
  }

  /** Where a topic goes on that is wanted again. */
  after(topic: string): Position | undefined {
    return this.#kept.get(topic);
  }

  send(topic: string, subject: string, payload: string, position: Position): void {
    const flow = this.#flows.get(topic) ?? { waiting: [], isBusy: false, isBehind: false };
    this.#flows.set(topic, flow);
    if (flow.isBehind) return; // It comes again.
    if (flow.waiting.length >= MOST_WAITING) {
      flow.isBehind = true;
      return;
    }
    flow.waiting.push({ subject, payload, position });
    if (!flow.isBusy) void this.#work(topic, flow);
  }

  /** A topic is not wanted any more. @param isForgotten Nobody misses what comes until it is wanted again. */
  end(topic: string, isForgotten: boolean): void {
    const flow = this.#flows.get(topic);
    clearTimeout(flow?.retry);
    this.#flows.delete(topic);
    if (isForgotten) this.#kept.delete(topic);
  }

  /** Forgets where topics stood that are not exported any more. */
  forgetUnless(isExported: (topic: string) => boolean): void {
    for (const topic of this.#kept.keys()) if (!isExported(topic)) this.#kept.delete(topic);
  }

  /** The link is up: what could not be kept is tried again. */
  resume(): void {
    for (const [topic, flow] of this.#flows) if (flow.isBehind && !flow.isBusy) this.#again(topic, flow);
  }

  stop(): void {
    for (const topic of this.#flows.keys()) this.end(topic, false);
  }

  async #work(topic: string, flow: Flow): Promise<void> {
    flow.isBusy = true;
    for (let next = flow.waiting.shift(); next; next = flow.waiting.shift()) {
      const { subject, payload, position } = next;
      try {
        await this.#stream.publish(
          subject,
          payload,
          `${this.#own}.${topic} ${position.instance} ${position.seq}`,
        );
        this.#kept.set(topic, position);
        this.published++;
      } catch (error) {
        this.#logger.debug(
          { event: 'fleet-link-lost', topic, error: messageOf(error) },
          'publishing to the stream failed: retrying',
        );
        const { instance, seq } = position;
        if (!this.#kept.has(topic)) this.#kept.set(topic, { instance, seq: seq - 1 });
        flow.waiting.length = 0;
        flow.isBehind = true;
      }
    }
    flow.isBusy = false;
    if (!flow.isBehind || this.#flows.get(topic) !== flow) return;
    flow.retry = setTimeout(() => this.#again(topic, flow), RETRY_MS);
  }

  #again(topic: string, flow: Flow): void {
    clearTimeout(flow.retry);
    if (!this.#stream.isUp) return; // `resume` follows.
    flow.isBehind = false;
    this.#readAgain(topic, this.#kept.get(topic));
  }
}
