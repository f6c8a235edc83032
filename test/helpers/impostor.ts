import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

/** A program that listens where a daemon should, and answers whatever it is asked with the same bytes. */
export class Impostor implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async listen(path: string, answer = ''): Promise<Impostor> {
    const impostor = new Impostor(answer);
    impostor.#server.listen(path);
    await once(impostor.#server, 'listening');
    return impostor;
  }

  private constructor(answer: string) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', () => socket.write(answer));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
