import type { Client } from '../client/api.ts';
import type { Provided } from '../client/provided.ts';
import { messageOf } from '../errors.ts';
import { readFrame } from './topic-frame.ts';
import type { FleetFrame } from './topic-frame.ts';
import type { Position } from './local-topics.ts';
import type { Machine } from './machine.ts';
import type { Stream } from './stream.ts';

/** A topic that is wanted so soon after it was provided had its listeners before: they have missed what came meanwhile. */
const CONTINUES_MS = 2000;
/** Messages that wait at most while the stream is read for those before them. */
const MOST_HELD = 10_000;

type FleetMessage = (FleetFrame & { kind: 'message' })['message'];

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

export interface ImportTools {
  counters: ImportCounters;
  stream: Stream | undefined;
  /** Somebody listens; nobody does. */
  wanted(topic: ImportedTopic): void;
  unwanted(topic: ImportedTopic): void;
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
  /** The last message that the daemon was given, and when it was made. */
  #last: (Position & { time: number }) | undefined;
  /** Gaps are filled from the stream: the listeners have been there all the time. */
  #continues = false;
  /** What waits while the stream is read. */
  #held: FleetMessage[] | undefined;

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

  get isWanted(): boolean {
    return this.#isWanted;
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
        return this.#provided.fail(`${this.machine.name}: ${frame.failing.error}`);
      case 'recovered':
        return this.#provided.heal();
      case 'message':
        this.#tools.counters.received++;
        this.machine.heard(frame.message.time);
        return this.#message(frame.message);
      default:
        frame satisfies never;
    }
  }

  /** The machine, or the link to it, is away, or is back. */
  away(reason: string): void {
    this.#provided.fail(reason);
  }

  back(): void {
    this.#provided.heal();
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
    this.#held = undefined;
    this.#tools.unwanted(this);
  }

  #message(message: FleetMessage): void {
    if (this.#held) {
      if (this.#held.length < MOST_HELD) this.#held.push(message);
      return;
    }
    const last = this.#last;
    const isNext = last?.instance !== message.instance || message.seq <= last.seq + 1;
    if (isNext || !this.#continues || !this.#tools.stream) {
      this.#send(message);
      return;
    }
    this.#held = [message];
    void this.#fill(last, message.seq);
  }

  /** Reads from the stream what is missing between two messages, then goes on. */
  async #fill({ instance, seq, time }: Position & { time: number }, before: number): Promise<void> {
    const held = this.#held;
    try {
      for await (const bytes of this.#tools.stream!.read(this.subject, time)) {
        const frame = readFrame(this.topic, bytes);
        if (frame?.kind !== 'message' || frame.message.instance !== instance) continue;
        if (frame.message.seq >= before || this.#held !== held) break;
        if (frame.message.seq > seq && this.#send(frame.message)) this.#tools.counters.filled++;
      }
    } catch (error) {
      this.#provided.fail(`what was missed cannot be read from the stream: ${messageOf(error)}`);
    }
    if (this.#held !== held) return;
    this.#held = undefined;
    for (const message of held ?? []) this.#send(message);
  }

  /** Gives the daemon a message, unless it has it. */
  #send({ data, seq, time, instance }: FleetMessage): boolean {
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
