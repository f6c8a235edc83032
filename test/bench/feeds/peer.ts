import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

import type { Feed } from './feed.ts';

/** A server's side of the wire. */
export interface Script {
  /** Answers what a client sent. */
  answer(received: string): { text: string; isSubscribed: boolean };
  /** Encodes one message. */
  message(payload: string, seq: number): string;
}

/** Messages that are encoded together: a single text of all would be larger than what V8 allows. */
const BATCH = 1000;

/** Writes what a server would send, encoded in advance, to the client that connects. */
export class Peer implements Feed {
  readonly #server: Server;
  readonly #script: Script;
  readonly #subscribed = Promise.withResolvers<void>();
  #socket: Socket | undefined;
  #encoded = 0;

  static async listen(path: string, script: Script): Promise<Peer> {
    const peer = new Peer(script);
    await once(peer.#server.listen(path), 'listening');
    return peer;
  }

  private constructor(script: Script) {
    this.#script = script;
    this.#server = createServer((socket) => {
      this.#socket = socket;
      socket.on('error', () => {}); // The client is killed in the end.
      socket.on('data', (bytes) => {
        const { text, isSubscribed } = script.answer(bytes.toString('latin1'));
        socket.write(text);
        if (isSubscribed) this.#subscribed.resolve();
      });
    });
  }

  subscribed(): Promise<void> {
    return this.#subscribed.promise;
  }

  encode(payload: string, count: number): Buffer {
    const batches: Buffer[] = [];
    for (let left = count; left > 0; left -= BATCH) {
      const next = (): string => this.#script.message(payload, ++this.#encoded);
      const messages = Array.from({ length: Math.min(left, BATCH) }, next);
      batches.push(Buffer.from(messages.join(''), 'latin1'));
    }
    return Buffer.concat(batches);
  }

  write(messages: Buffer): void {
    this.#socket!.write(messages);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.destroy();
    await this.#server[Symbol.asyncDispose]();
  }
}
