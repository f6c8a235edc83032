import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server as NetServer, Socket } from 'node:net';

import { ChimedError, messageOf } from '../errors.ts';
import { Connection } from './connection.ts';
import type { ConnectionContext, ConnectionHandler } from './connection.ts';

export interface ServerOptions extends ConnectionContext {
  /** Called for each new connection; returns who hears of it, or nothing if it was refused. */
  accept: (connection: Connection) => ConnectionHandler | undefined;
}

/** Refused connections that may be open until they have read why: more would use up the descriptors. */
const MOST_REFUSED = 32;

/**
 * Accepts connections. We listen ourselves, and node-ipc's server does not, so that the mode of the path, the
 * backlog and an inherited descriptor are ours to choose, and a client costs no listeners, timers or copies.
 */
export class Server {
  readonly #options: ServerOptions;
  #net: NetServer | undefined;
  /** Connections that were refused as they came, the oldest first. */
  readonly #refused = new Set<Connection>();
  #lastId = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  /**
   * Starts to listen: `open` calls `listen` on the server in its own way. Resolves once it listens. Called
   * again, it listens in the new place only; whoever is connected stays.
   * @throws {ChimedError} `cannot-listen`.
   */
  async listen(open: (server: NetServer) => void): Promise<void> {
    const net = createServer((socket) => this.#accept(socket));
    try {
      open(net);
      await once(net, 'listening');
    } catch (error) {
      net.close(); // It may listen already, where nobody can find it.
      throw new ChimedError('cannot-listen', `the socket cannot be opened: ${messageOf(error)}`, {
        cause: error,
      });
    }
    // Accepting fails when descriptors run out; the server goes on listening and so do we.
    net.on('error', (error) =>
      this.#options.logger.error({ error: error.message }, 'cannot accept a client'),
    );
    this.#net?.close();
    this.#net = net;
  }

  /** Stops accepting. Those who are connected stay. */
  stopAccepting(): void {
    this.#net?.close();
  }

  #accept(socket: Socket): void {
    const connection = new Connection(++this.#lastId, socket, this.#options);
    connection.open(this.#options.accept(connection) ?? this.#refuse(connection));
  }

  /** Somebody was refused: it may read why, but only so many may do so at a time. */
  #refuse(connection: Connection): ConnectionHandler {
    this.#refused.add(connection);
    const [oldest] = this.#refused;
    if (this.#refused.size > MOST_REFUSED) oldest!.destroy('refused');
    return { frame() {}, violated() {}, drained() {}, closed: () => void this.#refused.delete(connection) };
  }
}
