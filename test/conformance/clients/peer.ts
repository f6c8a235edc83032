import type { Socket } from 'node:net';

import { Inbox } from '../../helpers/inbox.ts';
import { Splitter } from '../../helpers/splitter.ts';
import type { Transcript } from './transcript.ts';

/** A frame as it travels. The suite shares no code with the clients and daemons that it tries. */
export type Frame = { type: string; data?: unknown } & Record<string, unknown>;

/** What a message can have beside its topic and its number. */
export interface MessageFields {
  data?: unknown;
  time?: number;
  offset?: number;
  instance?: string;
  stale?: true;
}

/** When the first message was made, in milliseconds since the epoch; each is a second later than the one before. */
export const FIRST_TIME = 1_795_000_000_000;

/** The daemon's end of one connection: it sends what the case says, byte for byte. */
export class Peer {
  /** Counts connections, from 1. */
  readonly number: number;
  /** When it was accepted, on the monotonic clock, in milliseconds. */
  readonly acceptedAt = performance.now();
  /** What the client has sent. */
  readonly frames = new Inbox<Frame>();
  readonly #socket: Socket;
  readonly #transcript: Transcript;
  readonly #closed = Promise.withResolvers<void>();

  constructor(number: number, socket: Socket, transcript: Transcript, onFrame: (frame: Frame) => void) {
    this.number = number;
    this.#socket = socket;
    this.#transcript = transcript;
    const splitter = new Splitter('\f');
    socket.setEncoding('utf8').on('data', (text: string) => {
      for (const json of splitter.push(text)) {
        transcript.add(`  client ${number} >`, json);
        const frame = JSON.parse(json) as Frame;
        this.frames.push(frame);
        onFrame(frame);
      }
    });
    socket.on('error', () => {}); // The end is what counts.
    socket.on('close', () => {
      transcript.add(`  client ${number}`, 'is disconnected');
      this.frames.end(`connection ${number} has ended`);
      this.#closed.resolve();
    });
  }

  /** Resolves when the connection has ended, at whichever end. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Writes bytes as they are. Resolves when the kernel has them. */
  async write(bytes: string | Uint8Array): Promise<void> {
    if (bytes.length < 1000)
      this.#transcript.add(`  daemon ${this.number} >`, JSON.stringify(bytes.toString()));
    else this.#transcript.add(`  daemon ${this.number} >`, `${bytes.length} bytes`);
    await new Promise<void>((resolve) => this.#socket.write(bytes, () => resolve()));
  }

  /** Writes frames, all at once. */
  async send(...frames: readonly Frame[]): Promise<void> {
    await this.write(frames.map(encode).join(''));
  }

  /** Sends one message; its payload is its number. */
  async message(topic: string, seq: number, fields: MessageFields = {}): Promise<void> {
    await this.send(message(topic, seq, fields));
  }

  /** Sends a control frame. */
  async control(type: string, data: object): Promise<void> {
    await this.send({ type: `chimed.${type}`, data });
  }

  /** Refuses a request, or a part of it. */
  async reject(
    request: string,
    fields: { code: string; message: string } & Record<string, unknown>,
  ): Promise<void> {
    await this.control('rejected', { ...fields, request: `chimed.${request}` });
  }

  /** The first frame of a type, from index `from` of those that came. */
  frame(type: string, from = 0): Promise<Frame> {
    return this.frames.find((frame) => frame.type === type, from);
  }

  /** The data of the first control frame of a type. */
  async request(type: string, from = 0): Promise<Record<string, unknown>> {
    return (await this.frame(`chimed.${type}`, from)).data as Record<string, unknown>;
  }

  /** Reads nothing more, until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Closes the connection, as a daemon does that is killed. */
  cut(): void {
    this.#socket.destroy();
  }
}

/** A message; its payload is its number, unless told otherwise. */
export function message(topic: string, seq: number, { data = seq, ...fields }: MessageFields = {}): Frame {
  return { type: topic, data, seq, time: FIRST_TIME + seq * 1000, ...fields };
}

export function encode(frame: Frame): string {
  return `${JSON.stringify(frame)}\f`;
}
