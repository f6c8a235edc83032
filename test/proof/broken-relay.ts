import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

import { Splitter } from '../helpers/splitter.ts';

/** What the relay does wrong, once: to the fifth message. */
export type Fault = 'none' | 'reorder' | 'duplicate' | 'drop';

const FAULTY = 5;

/**
 * Stands between a daemon and its clients and breaks what chimed promises: a deliberately broken daemon, for the
 * history checker to find out. Control messages pass untouched.
 */
export class BrokenRelay implements Disposable {
  readonly #server: Server;
  readonly #sockets: Socket[] = [];

  static async listen(path: string, daemon: string, fault: Fault): Promise<BrokenRelay> {
    const relay = new BrokenRelay(daemon, fault);
    await once(relay.#server.listen(path), 'listening');
    return relay;
  }

  private constructor(daemon: string, fault: Fault) {
    this.#server = createServer((near) => {
      const far = connect(daemon);
      this.#sockets.push(near, far);
      near.pipe(far);
      const splitter = new Splitter('\f');
      let messages = 0;
      let held = '';
      far.setEncoding('utf8').on('data', (chunk: string) => {
        for (const text of splitter.push(chunk)) {
          const frame = `${text}\f`;
          if (text.startsWith('{"type":"chimed.')) near.write(frame);
          else if (++messages !== FAULTY || fault === 'none') {
            near.write(frame + held);
            held = '';
          } else if (fault === 'duplicate') near.write(frame + frame);
          else if (fault === 'reorder') held = frame;
        }
      });
    });
  }

  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
