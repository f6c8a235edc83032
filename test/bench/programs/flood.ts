import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

import { payload } from '../message.ts';
import type { Publisher } from '../systems/system.ts';

/** Deliveries, and messages, that may be under way: enough to keep every server busy, too few to be skipped. */
const MOST_DELIVERIES = 200_000;
const MOST_MESSAGES = 4096;
const BATCH = 64;

/**
 * Publishes one topic as fast as its slowest listener reads.
 *
 * The flood stays in Node although the publisher of ticks is in C. chimed and the brokers are all flooded by this one, and
 * its CPU counts for none of them: it runs in the receiver, which alone knows what the slowest listener has read. One write
 * has 64 prepared messages, so that publishing is a small part of the receiver's work. `net` and node-ipc take no
 * publications: their servers make the messages themselves, and that counts as theirs.
 */
export class Flood {
  readonly #socket: Socket;
  readonly #heard: Uint32Array;
  readonly #batch: Buffer;
  readonly #message: (payload: string) => string;
  readonly #window: number;
  /** What each had heard when the flood began. */
  #before: Uint32Array | undefined;
  #published = 0;
  #flowing = false;

  /** @param heard How many messages each listener has heard; somebody else counts. */
  constructor(socket: Socket, { greeting, message }: Publisher, topic: string, heard: Uint32Array) {
    this.#socket = socket;
    this.#heard = heard;
    this.#message = (text) => message(topic, text);
    this.#batch = Buffer.from(this.#message(payload()).repeat(BATCH), 'latin1');
    this.#window = Math.max(Math.min(MOST_MESSAGES, MOST_DELIVERIES / heard.length), 2 * BATCH);
    socket.write(greeting, 'latin1');
  }

  /** One message, before the flood. */
  once(text: string): void {
    this.#socket.write(this.#message(text), 'latin1');
  }

  start(): void {
    this.#before = this.#heard.slice();
    this.flow();
  }

  /** Called whenever something was heard: publishes what may be under way, once a turn. */
  flow(): void {
    if (!this.#before || this.#flowing) return;
    this.#flowing = true;
    setImmediate(() => {
      this.#flowing = false;
      if (!this.#before) return;
      const slowest = this.#heardSince(this.#before).reduce((one, other) => Math.min(one, other));
      while (this.#published - slowest + BATCH <= this.#window) {
        this.#socket.write(this.#batch);
        this.#published += BATCH;
      }
    });
  }

  /** Ends the flood; resolves with the number of messages that did not come. */
  async stop(): Promise<number> {
    const before = this.#before!;
    this.#before = undefined;
    const due = this.#published * this.#heard.length;
    for (let missing = due; ;) {
      await wait(500);
      const left = due - this.#heardSince(before).reduce((one, other) => one + other, 0);
      if (left === 0 || left === missing) return left;
      missing = left;
    }
  }

  #heardSince(before: Uint32Array): Uint32Array {
    return this.#heard.map((count, client) => count - before[client]!);
  }
}
