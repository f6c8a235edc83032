import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';

import { Inbox } from '../../helpers/inbox.ts';
import { Peer } from './peer.ts';
import type { Frame } from './peer.ts';
import type { Transcript } from './transcript.ts';

/** Largest frame that it says it accepts, unless told otherwise. */
const FRAME_BYTES = 1024 * 1024;

/** A daemon that says what a case has it say. By itself, it only answers registrations. */
export class FakeDaemon implements AsyncDisposable {
  readonly path: string;
  /** All connections, in order. */
  readonly peers = new Inbox<Peer>();
  /** The numbering of its topics. */
  instance = 'one';
  /** False: registrations are left to the case. */
  greets = true;
  frameBytes = FRAME_BYTES;
  /** Fields of the answer to a registration that the case sets itself. */
  answer: (request: Record<string, unknown>) => object = () => ({});
  /** Called with each connection before it reads. */
  accepted: (peer: Peer) => void = () => {};
  readonly #transcript: Transcript;
  #server: Server | undefined;

  constructor(path: string, transcript: Transcript) {
    this.path = path;
    this.#transcript = transcript;
  }

  async listen(): Promise<void> {
    rmSync(this.path, { force: true });
    this.#server = createServer((socket) => {
      const number = this.peers.items.length + 1;
      this.#transcript.add(`  client ${number}`, 'is connected');
      const peer: Peer = new Peer(number, socket, this.#transcript, (frame) => this.#answer(peer, frame));
      this.accepted(peer);
      this.peers.push(peer);
    });
    await once(this.#server.listen(this.path), 'listening');
    this.#transcript.add('  daemon', `listens, instance ${this.instance}`);
  }

  /** The connection with this number, from 1; waits for it. */
  async peer(number: number): Promise<Peer> {
    return (await this.peers.take(number))[number - 1]!;
  }

  /** What a daemon answers to a registration. */
  registered(request: Record<string, unknown>, client = 1): Frame {
    const patterns = request['topics'] as string[];
    const topics = patterns
      .filter((pattern) => !/[*>]/.test(pattern))
      .map((topic) => ({ topic, interval: null, instance: this.instance, seq: 0 }));
    const { instance, frameBytes } = this;
    const data = {
      protocol: 1,
      client,
      instance,
      offset: 0,
      topics,
      limits: { frameBytes },
      ...this.answer(request),
    };
    return { type: 'chimed.registered', data };
  }

  /** Ends without a word: its socket stays behind, as after SIGKILL. */
  async crash(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    for (const peer of this.peers.items) peer.cut();
    server.close();
    await once(server, 'close');
    this.#transcript.add('  daemon', 'has ended');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.crash();
  }

  #answer(peer: Peer, { type, data }: Frame): void {
    if (this.greets && type === 'chimed.register')
      void peer.send(this.registered(data as Record<string, unknown>, peer.number));
  }
}
