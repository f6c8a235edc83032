import type { EventLog } from '../log-events.ts';
import { DEFAULT_RETRY, DEFAULT_TIMEOUT_MS } from '../client/options.ts';
import { Link } from '../client/link.ts';
import type { Position } from '../client/message-queue.ts';
import type { Failing, Frame, Recovered, Registered, Rejection, ResumePoint } from '../protocol/messages.ts';
import { isReceivedSeq } from '../protocol/number-bounds.ts';
import type { NumberedMessage } from './topic-frame.ts';

/** Topics that one connection hears: the daemon lets each register for so many (`clients.maxPatterns`). */
const TOPICS_PER_CONNECTION = 200;

export interface LocalListener {
  message(topic: string, message: NumberedMessage): void;
  failing(failing: Failing): void;
  recovered(recovered: Recovered): void;
}

/**
 * Hears topics of the local daemon, one by one, however many: over several connections. Each goes on after its last message
 * when a connection was broken.
 */
export class LocalTopics {
  readonly #paths: () => readonly string[];
  readonly #name: string;
  readonly #listener: LocalListener;
  readonly #logger: EventLog;
  readonly #ears = new Set<Ear>();
  readonly #earOf = new Map<string, Ear>();

  constructor(
    { paths, name }: { paths: () => readonly string[]; name: string },
    listener: LocalListener,
    logger: EventLog,
  ) {
    this.#paths = paths;
    this.#name = name;
    this.#listener = listener;
    this.#logger = logger;
  }

  /** @param after What was heard of it before: it goes on from there, as far as the daemon's `history` reaches. */
  hear(topic: string, after?: Position): void {
    if (this.#earOf.has(topic)) return;
    // A connection that has begun can still bring what is newer than what follows from there.
    const ear =
      this.#ears.values().find(({ size, isNew }) => size < TOPICS_PER_CONNECTION && (isNew || !after)) ??
      this.#addEar();
    this.#earOf.set(topic, ear);
    ear.hear(topic, after);
  }

  /** @returns up to where it was heard. */
  leave(topic: string): Position | undefined {
    const ear = this.#earOf.get(topic);
    this.#earOf.delete(topic);
    const position = ear?.leave(topic);
    if (ear?.size === 0) {
      this.#ears.delete(ear);
      ear.close();
    }
    return position;
  }

  close(): void {
    for (const ear of this.#ears) ear.close();
  }

  #addEar(): Ear {
    const ear = new Ear(this.#paths, this.#name, this.#listener, this.#logger);
    this.#ears.add(ear);
    return ear;
  }
}

/** One connection. */
class Ear {
  readonly #name: string;
  readonly #listener: LocalListener;
  readonly #logger: EventLog;
  readonly #link: Link;
  /** Topics, and up to where they were heard. */
  readonly #topics = new Map<string, Position | undefined>();
  #instance: string | undefined;

  constructor(paths: () => readonly string[], name: string, listener: LocalListener, logger: EventLog) {
    this.#name = name;
    this.#listener = listener;
    this.#logger = logger;
    this.#link = new Link(
      { paths, retry: DEFAULT_RETRY, timeoutMs: DEFAULT_TIMEOUT_MS },
      {
        hello: (afresh) => this.#register([...this.#topics.keys()], afresh),
        registered: (registered) => this.#registered(registered),
        frame: (frame) => this.#frame(frame),
        drained: () => {},
        state: () => {},
      },
    );
    this.#link.open();
  }

  get size(): number {
    return this.#topics.size;
  }

  /** Nothing was asked for yet. */
  get isNew(): boolean {
    return !this.#link.greeted;
  }

  hear(topic: string, after: Position | undefined): void {
    this.#topics.set(topic, after);
    if (this.#link.greeted) this.#link.send(this.#register([topic]));
  }

  leave(topic: string): Position | undefined {
    const position = this.#topics.get(topic);
    this.#topics.delete(topic);
    if (this.#link.greeted) this.#link.send({ type: 'chimed.unregister', data: { topics: [topic] } });
    return position;
  }

  close(): void {
    this.#link.close();
  }

  #register(topics: readonly string[], afresh = false): Frame {
    const resume = afresh ? undefined : this.#resume(topics);
    return { type: 'chimed.register', data: { name: this.#name, topics, ...(resume && { resume }) } };
  }

  #resume(topics: readonly string[]): ResumePoint | undefined {
    const after: Record<string, number> = {};
    const instances: Record<string, string> = {};
    for (const topic of topics) {
      const position = this.#topics.get(topic);
      if (!position) continue;
      after[topic] = position.seq;
      instances[topic] = position.instance;
    }
    const [instance] = Object.values(instances);
    return instance === undefined ? undefined : { instance: this.#instance ?? instance, instances, after };
  }

  #registered({ instance }: Registered): boolean {
    const resumed = this.#instance === instance;
    this.#instance = instance;
    return resumed;
  }

  #frame(frame: Frame): void {
    switch (frame.type) {
      case 'chimed.failing':
        return this.#listener.failing(frame.data as Failing);
      case 'chimed.recovered':
        return this.#listener.recovered(frame.data as Recovered);
      case 'chimed.rejected': {
        const { code, message, topic } = frame.data as Rejection;
        this.#logger.warn({ event: 'fleet-topic-refused', topic, code }, message);
        return;
      }
      default:
        this.#message(frame);
    }
  }

  #message({ type: topic, data, seq, time, instance = this.#instance, stale }: Frame): void {
    if (!this.#topics.has(topic) || !isReceivedSeq(seq) || time === undefined || instance === undefined)
      return;
    const before = this.#topics.get(topic);
    if (before?.instance === instance && seq <= before.seq) return; // What a second registration brings again.
    this.#topics.set(topic, { instance, seq });
    this.#listener.message(topic, { data, seq, time, instance, ...(stale && { stale }) });
  }
}
