import { setTimeout as wait } from 'node:timers/promises';

import type { Client } from '../client/api.ts';
import type { Provided } from '../client/provided.ts';
import type { Position } from '../client/message-queue.ts';
import { messageOf } from '../errors.ts';
import { readFrame } from './topic-frame.ts';
import type { NumberedMessage } from './topic-frame.ts';
import type { Machine } from './machine.ts';
import type { Stream } from './stream.ts';

/** A topic that is wanted so soon after it was provided had its listeners before: they have missed what came meanwhile. */
const CONTINUES_MS = 2000;
/** Bytes of messages that wait at most while the stream is read for those before them. */
const MOST_HELD_BYTES = 4 * 1024 * 1024;
/** How often, and after which time in milliseconds, the stream is read again if it cannot be read, or lacks something. */
const READS = 20;
const READ_AGAIN_MS = 500;
/** What it lacks it will hardly have later: so many tries fewer. */
const COST_OF_A_LACK = 5;

/** What has come for all imported topics. */
export interface ImportCounters {
  received: number;
  /** What was on the subject of a topic and does not belong there. */
  dropped: number;
  /** Messages that the daemon was not given: it reads too slowly. */
  skipped: number;
  /** Messages that were read from the stream, which would have been missed. */
  filled: number;
}

/** Messages are missing: those behind them wait while the stream is read. */
interface Gap {
  held: { message: NumberedMessage; bytes: number }[];
  bytes: number;
}

export interface ImportTools {
  counters: ImportCounters;
  stream: Stream | undefined;
  /** Somebody listens; nobody does. */
  wanted(topic: ImportedTopic): void;
  unwanted(topic: ImportedTopic): void;
  /** The stream cannot be read. */
  failed(topic: ImportedTopic, error: unknown): void;
}

/** A topic of another machine, which the local daemon has as `remote.MACHINE.TOPIC`. */
export class ImportedTopic {
  readonly machine: Machine;
  /** Its name on that machine. */
  readonly topic: string;
  /** The subject of its messages. */
  readonly subject: string;
  readonly #tools: ImportTools;
  readonly #provided: Provided;
  readonly #client: Client;
  /** When it was provided; Infinity while the daemon is away. */
  #providedAt = performance.now();
  #isWanted = false;
  #isAway = false;
  /** Why it fails on its machine, if it does. */
  #failure: string | undefined;
  /** The last message that the daemon was given, and when it was made. */
  #last: (Position & { time: number }) | undefined;
  /** Gaps are filled from the stream: the listeners have been there all the time. */
  #continues = false;
  #gap: Gap | undefined;

  /** @param name Its name here. */
  constructor(
    { machine, topic, name, subject }: { machine: Machine; topic: string; name: string; subject: string },
    client: Client,
    tools: ImportTools,
  ) {
    this.machine = machine;
    this.topic = topic;
    this.subject = subject;
    this.#tools = tools;
    this.#client = client;
    this.#provided = client.provide(name, {
      wanted: (last) => this.#wanted(last),
      unwanted: () => this.#unwanted(),
    });
  }

  /** Why it ended, if the daemon refused it. */
  get ended(): Provided['ended'] {
    return this.#provided.ended;
  }

  /** Something has come for it. */
  take(bytes: Uint8Array): void {
    const frame = readFrame(this.topic, bytes);
    if (!frame) {
      this.#tools.counters.dropped++;
      return;
    }
    if (!this.#isWanted) return;
    switch (frame.kind) {
      case 'failing':
        this.#failure = `${this.machine.name}: ${frame.failing.error}`;
        return this.#provided.fail(this.#failure);
      case 'recovered':
        this.#failure = undefined;
        return this.#provided.heal();
      case 'message':
        this.#tools.counters.received++;
        this.machine.heard(frame.message.time);
        if (!frame.message.stale) this.#failure = undefined;
        return this.#message(frame.message, bytes.length);
      default:
        frame satisfies never;
    }
  }

  /** The machine, or the link to it, is away, or is back. */
  away(reason: string): void {
    this.#isAway = true;
    this.#provided.fail(reason);
  }

  back(): void {
    if (!this.#isAway) return;
    this.#isAway = false;
    if (this.#failure === undefined) this.#provided.heal();
    else this.#provided.fail(this.#failure);
  }

  async end(): Promise<void> {
    this.#unwanted();
    await this.#provided.end();
  }

  #wanted({ instance, seq }: Position): void {
    if (this.#isWanted) return; // It can be told twice.
    this.#isWanted = true;
    this.#continues = performance.now() - this.#providedAt < CONTINUES_MS;
    this.#providedAt = -Infinity;
    if (seq > 0) this.#last = { instance, seq, time: this.#last?.seq === seq ? this.#last.time : 0 };
    this.#tools.wanted(this);
  }

  #unwanted(): void {
    if (!this.#isWanted) return;
    this.#isWanted = false;
    if (this.#client.state.status !== 'ready') this.#providedAt = Infinity; // Its listeners may come back.
    this.#gap = undefined;
    this.#tools.unwanted(this);
  }

  #message(message: NumberedMessage, bytes: number): void {
    if (this.#gap) {
      this.#gap.held.push({ message, bytes });
      this.#gap.bytes += bytes;
      if (this.#gap.bytes > MOST_HELD_BYTES) this.#close(this.#gap); // It stays a gap.
      return;
    }
    const last = this.#last;
    const isNext = last?.instance !== message.instance || message.seq <= last.seq + 1;
    if (isNext || !this.#continues || !this.#tools.stream) {
      this.#send(message);
      return;
    }
    this.#gap = { held: [{ message, bytes }], bytes };
    void this.#fill(this.#gap, message);
  }

  /**
   * Gives the daemon what is missing before a message, as far as the stream has it, and then what has come meanwhile. A stream
   * whose servers elect a leader cannot be read for some seconds, and can lack the latest for a moment.
   */
  async #fill(gap: Gap, next: NumberedMessage): Promise<void> {
    const { stream, failed } = this.#tools;
    for (let left = READS; this.#gap === gap && left > 0;) {
      try {
        if (stream?.isUp) await this.#read(gap, next, stream);
        if ((this.#last?.seq ?? 0) >= next.seq - 1) break;
        if (stream?.isUp) left -= COST_OF_A_LACK;
      } catch (error) {
        failed(this, error);
        if (stream?.isUp) left--;
      }
      await wait(READ_AGAIN_MS, undefined, { ref: false });
    }
    this.#close(gap);
  }

  async #read(gap: Gap, next: NumberedMessage, stream: Stream): Promise<void> {
    for await (const bytes of stream.read(this.subject, this.#last?.time ?? 0)) {
      const frame = readFrame(this.topic, bytes);
      if (frame?.kind !== 'message' || frame.message.instance !== next.instance) continue;
      if (frame.message.seq >= next.seq || this.#gap !== gap) return;
      if (this.#send(frame.message)) this.#tools.counters.filled++;
    }
  }

  #close(gap: Gap): void {
    if (this.#gap !== gap) return;
    this.#gap = undefined;
    const [next, ...others] = gap.held;
    this.#send(next!.message);
    for (const { message, bytes } of others) this.#message(message, bytes); // There may be a gap among them, too.
  }

  /** Gives the daemon a message, unless it has it. */
  #send({ data, seq, time, instance }: NumberedMessage): boolean {
    const last = this.#last;
    if (last?.instance === instance && seq <= last.seq) return false;
    this.#continues = true;
    this.#last = { instance, seq, time };
    try {
      if (this.#provided.send(data, { instance, seq, time })) return true;
    } catch (error) {
      this.#provided.fail(messageOf(error)); // It is larger than the daemon takes.
    }
    this.#tools.counters.skipped++;
    return false;
  }
}
