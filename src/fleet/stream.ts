import type { JetStreamClient } from '@nats-io/jetstream';

import { ChimedError, messageOf } from '../errors.ts';
import type { EventLog } from '../log-events.ts';
import type { NatsLink } from './nats-link.ts';
import type { Subjects } from './subjects.ts';

/** How a stream is made that is not there yet: an hour of messages, on disk, the oldest making room. */
const AGE_NS = 60 * 60 * 1e9;
const MOST_BYTES = 256 * 1024 * 1024;
/** How long an answer may take, in milliseconds. */
const ANSWER_MS = 5000;
/** A message was kept at the earliest so long before its time, as far as clocks differ, in milliseconds. */
const CLOCKS_DIFFER_MS = 60_000;
/** Messages that are read at once. */
const BATCH = 500;
/** Answers to JetStream requests that say that there is no such stream. */
const NO_STREAM = 10_059;

/** The stream in which a JetStream server keeps what machines export, so that others can read what they missed. */
export class Stream {
  readonly name: string;
  readonly #link: NatsLink;
  readonly #subjects: Subjects;
  readonly #logger: EventLog;
  #client: JetStreamClient | undefined;

  constructor(name: string, link: NatsLink, subjects: Subjects, logger: EventLog) {
    this.name = name;
    this.#link = link;
    this.#subjects = subjects;
    this.#logger = logger;
  }

  get isUp(): boolean {
    return this.#link.isUp && this.#client !== undefined;
  }

  /** The link is up: the stream is made, if it is missing and we may. */
  async up(): Promise<void> {
    const connection = this.#link.connection;
    this.#client = undefined;
    if (!connection) return;
    try {
      const { jetstream, jetstreamManager } = await import('@nats-io/jetstream');
      this.#client = jetstream(connection, { timeout: ANSWER_MS });
      const manager = await jetstreamManager(connection, { timeout: ANSWER_MS, checkAPI: false });
      const isThere = await manager.streams.info(this.name).then(
        () => true,
        (error: unknown) => {
          if ((error as { code?: number }).code === NO_STREAM) return false;
          throw error;
        },
      );
      if (isThere) return;
      await manager.streams.add({
        name: this.name,
        subjects: [this.#subjects.allTopics],
        max_age: AGE_NS,
        max_bytes: MOST_BYTES,
      });
    } catch (error) {
      const message = `the stream ${this.name} cannot be used: ${messageOf(error)}; check that the server has JetStream enabled and what this machine may do there`;
      this.#logger.warn({ event: 'fleet-refused', error: messageOf(error) }, message);
    }
  }

  /**
   * Publishes a message, and waits until the stream has it.
   * @param id The same for the same message: the stream keeps it once.
   * @throws {ChimedError} `no-server` if nobody can tell whether it is kept.
   */
  async publish(subject: string, payload: string, id: string): Promise<void> {
    if (!this.#client || !this.#link.isUp)
      throw new ChimedError('no-server', 'there is no connection to NATS');
    try {
      await this.#client.publish(subject, payload, { msgID: id, timeout: ANSWER_MS });
    } catch (error) {
      throw new ChimedError(
        'no-server',
        `the stream ${this.name} has not confirmed a message: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
  }

  /**
   * Reads what is kept of a subject, from shortly before a time on, oldest first.
   * @param time In milliseconds since the epoch, by the clock of the machine that the messages are from.
   */
  async *read(subject: string, time: number): AsyncGenerator<Uint8Array, void> {
    if (!this.#client) return;
    const consumer = await this.#client.consumers.get(this.name, {
      filter_subjects: subject,
      deliver_policy: 'by_start_time',
      opt_start_time: new Date(time - CLOCKS_DIFFER_MS).toISOString(),
      inactive_threshold: ANSWER_MS * 1e6,
    });
    try {
      for (let hasMore = true; hasMore;) {
        hasMore = false;
        const messages = await consumer.fetch({ max_messages: BATCH, expires: 1000 });
        for await (const message of messages) {
          yield message.data;
          hasMore = message.info.pending > 0;
          if (!hasMore) break;
        }
      }
    } finally {
      await consumer.delete().catch(() => {}); // The server forgets it soon anyway.
    }
  }
}
