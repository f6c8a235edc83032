import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';

import { ChimedError, messageOf } from '../errors.ts';
import type { EventLog } from '../log-events.ts';
import type { NatsLink } from './nats-link.ts';
import type { Subjects } from './subjects.ts';

/** How a stream is made that is not there yet: an hour of messages, on disk, the oldest making room. */
const AGE_NS = 60 * 60 * 1e9;
const MOST_BYTES = 256 * 1024 * 1024;
/** How long an answer may take, in milliseconds. */
const ANSWER_MS = 5000;
/** When a stream that cannot be used is tried again, in milliseconds. */
const RETRY_MS = 2000;
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
  /** It can be used, some time after the link was made. */
  readonly #onUp: () => void;
  #client: JetStreamClient | undefined;
  #retry: NodeJS.Timeout | undefined;
  #lastError: string | undefined;

  constructor(name: string, link: NatsLink, subjects: Subjects, onUp: () => void, logger: EventLog) {
    this.name = name;
    this.#link = link;
    this.#subjects = subjects;
    this.#onUp = onUp;
    this.#logger = logger;
  }

  get isUp(): boolean {
    return this.#link.isUp && this.#client !== undefined;
  }

  /** The link is up: the stream is made, if it is missing and we may. What goes wrong is tried again. */
  async up(): Promise<void> {
    const connection = this.#link.connection;
    this.#client = undefined;
    clearTimeout(this.#retry);
    if (!connection) return;
    try {
      const { jetstream, jetstreamManager } = await import('@nats-io/jetstream');
      const manager = await jetstreamManager(connection, { timeout: ANSWER_MS, checkAPI: false });
      if (!(await isThere(manager, this.name))) await this.#make(manager);
      if (connection === this.#link.connection) this.#client = jetstream(connection, { timeout: ANSWER_MS });
    } catch (error) {
      if (connection !== this.#link.connection) return;
      this.#complain(messageOf(error));
      this.#retry = setTimeout(() => void this.up().then(() => this.#onUp()), RETRY_MS);
    }
  }

  stop(): void {
    clearTimeout(this.#retry);
  }

  async #make({ streams }: JetStreamManager): Promise<void> {
    const subjects = [this.#subjects.allTopics];
    await streams.add({ name: this.name, subjects, max_age: AGE_NS, max_bytes: MOST_BYTES });
  }

  /** Says once what is wrong: a cluster that elects a leader has no JetStream for some seconds. */
  #complain(error: string): void {
    const level = this.#lastError === error ? 'debug' : 'warn';
    this.#lastError = error;
    const message = `cannot use the stream ${this.name}: retrying; check that JetStream is enabled on the server and that this machine has permission to use the stream`;
    this.#logger[level]({ event: 'fleet-refused', error }, message);
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
    if (!this.#client) throw new ChimedError('no-server', 'there is no connection to NATS');
    const consumer = await this.#client.consumers.get(this.name, {
      filter_subjects: subject,
      deliver_policy: 'by_start_time',
      opt_start_time: new Date(time - CLOCKS_DIFFER_MS).toISOString(),
      inactive_threshold: ANSWER_MS * 1e6,
    });
    try {
      let left = (await consumer.info()).num_pending;
      while (left > 0) {
        const messages = await consumer.fetch({ max_messages: Math.min(BATCH, left), expires: ANSWER_MS });
        for await (const { data } of messages) {
          left--;
          yield data;
        }
      }
    } finally {
      await consumer.delete().catch(() => {}); // The server forgets it soon anyway.
    }
  }
}

async function isThere({ streams }: JetStreamManager, name: string): Promise<boolean> {
  try {
    await streams.info(name);
    return true;
  } catch (error) {
    if ((error as { code?: number }).code === NO_STREAM) return false;
    throw error;
  }
}
