import { once } from 'node:events';
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { rmSync } from 'node:fs';

import { Program } from '../../helpers/program.ts';

/** Listens, and says so; then it is stopped, and accepts nothing. */
const LISTEN = `
const server = require("node:net").createServer();
server.listen({ path: process.argv[1], backlog: 1 }, () => console.log("listening"));
`;

/** A socket on which as many connections wait to be accepted as can: connect(2) fails with `EAGAIN`, or waits. */
export class FullListener implements AsyncDisposable {
  readonly #path: string;
  readonly #process: Program;
  readonly #waiting: Socket[] = [];

  static async listen(path: string): Promise<FullListener> {
    const listener = new FullListener(path);
    await listener.#process.stdout.take(1);
    listener.#process.kill('SIGSTOP');
    await listener.#fill();
    return listener;
  }

  private constructor(path: string) {
    this.#path = path;
    this.#process = new Program(['-e', LISTEN, path]);
  }

  async #fill(): Promise<void> {
    for (;;) {
      const socket = createConnection(this.#path);
      this.#waiting.push(socket);
      try {
        await once(socket, 'connect');
      } catch {
        return; // EAGAIN: it is full.
      }
      socket.on('error', () => {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#waiting) socket.destroy();
    await this.#process[Symbol.asyncDispose]();
    rmSync(this.#path, { force: true });
  }
}
