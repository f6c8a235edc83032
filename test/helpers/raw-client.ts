import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

import type { Frame } from '../../src/protocol/messages.ts';
import { Inbox } from './inbox.ts';
import { Splitter } from './splitter.ts';

/** A peer with no library between it and the bytes. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  readonly frames = new Inbox<Frame>();
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.socket = socket;
    const splitter = new Splitter('\f');
    socket.setEncoding('utf8').on('data', (text: string) => {
      for (const frame of splitter.push(text)) this.frames.push(JSON.parse(frame) as Frame);
    });
    socket.on('error', () => {}); // Being cut off is what some tests are about; `closed` tells.
    this.closed = once(socket, 'close').then(() => this.frames.end('the connection is closed'));
  }

  static async connect(path: string): Promise<RawClient> {
    const socket = connect(path);
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Sends bytes or text as they are. */
  write(bytes: string | Buffer): this {
    this.socket.write(bytes);
    return this;
  }

  /** Sends one frame. */
  send(type: string, data: unknown = {}): this {
    return this.write(`${JSON.stringify({ type, data })}\f`);
  }

  /** Waits for a frame of this type, from index `from` of those that came. */
  frame(type: string, from = 0): Promise<Frame> {
    return this.frames.find((frame) => frame.type === type, from);
  }

  /** Waits for the first `count` messages of a topic. */
  messages(topic: string, count: number): Promise<Frame[]> {
    return this.frames.take(count, (frame) => frame.type === topic);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
