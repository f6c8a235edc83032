import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

import { MOST_FRAME_VALUES } from '../../src/protocol/limits.ts';
import type { Frame } from '../../src/protocol/messages.ts';
import { FrameReader, encodeFrame } from '../../src/transport/frames.ts';
import { Inbox } from './inbox.ts';

const FRAME_BYTES = 1024 * 1024;

/** How a peer answers a frame, beside the registrations, which it answers itself. */
export type Script = (frame: Frame, connection: number) => readonly Frame[];

/**
 * A peer that speaks the daemon's side of the wire as a test has written it: for what a real daemon does only in a
 * certain moment, or did only when it was older.
 */
export class ScriptedDaemon implements AsyncDisposable {
  /** All frames of all connections. */
  readonly frames = new Inbox<Frame>();
  readonly #server: Server;
  #socket: Socket | undefined;
  #connections = 0;

  static async listen(path: string, script: Script = () => []): Promise<ScriptedDaemon> {
    const daemon = new ScriptedDaemon(script);
    await once(daemon.#server.listen(path), 'listening');
    return daemon;
  }

  private constructor(script: Script) {
    this.#server = createServer((socket) => {
      this.#socket = socket;
      const connection = ++this.#connections;
      const reader = new FrameReader({ maxBytes: FRAME_BYTES, maxValues: MOST_FRAME_VALUES });
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        for (const frame of reader.read(chunk)) {
          if (frame instanceof Error) throw frame;
          this.frames.push(frame);
          if (frame.type === 'chimed.register') this.send(registered(connection));
          else this.send(...script(frame, connection));
        }
      });
    });
  }

  /** Sends frames to the client that connected last. */
  send(...frames: readonly Frame[]): this {
    for (const frame of frames) this.#socket!.write(encodeFrame(frame));
    return this;
  }

  /** Ends the connection. */
  cut(): void {
    this.#socket!.destroy();
  }

  /** Waits for a frame of this type, from index `from` of those that came. */
  frame(type: string, from = 0): Promise<Frame> {
    return this.frames.find((frame) => frame.type === type, from);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function registered(client: number): Frame {
  const limits = { frameBytes: FRAME_BYTES };
  return {
    type: 'chimed.registered',
    data: { protocol: 1, client, instance: 'scripted', offset: 0, topics: [], limits },
  };
}
