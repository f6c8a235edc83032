import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

/** Stands between clients and a daemon, and cuts their connections when it is told to. */
export class Relay implements AsyncDisposable {
  readonly socket: string;
  readonly #server: Server;
  readonly #ends = new Set<Socket>();
  #mended = true;

  private constructor(target: string) {
    this.socket = `${target}.relay`;
    this.#server = createServer((client) => {
      this.#add(client);
      if (!this.#mended) return client.destroy();
      const daemon = this.#add(connect(target));
      client.pipe(daemon).pipe(client);
    });
  }

  static async start(target: string): Promise<Relay> {
    const relay = new Relay(target);
    await once(relay.#server.listen(relay.socket), 'listening');
    return relay;
  }

  /** Cuts all connections, and each that is made until `mend`. */
  cut(): void {
    this.#mended = false;
    for (const end of this.#ends) end.destroy();
  }

  mend(): void {
    this.#mended = true;
  }

  #add(end: Socket): Socket {
    this.#ends.add(end);
    return end.on('error', () => {}).on('close', () => this.#ends.delete(end));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
  }
}
