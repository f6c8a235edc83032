import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server as NetServer, Socket } from 'node:net';

import { ChimedError, messageOf } from '../errors.ts';
import type { Peer } from '../linux/peer.ts';
import type { Rejection } from '../protocol/messages.ts';
import { Connection, bidFarewell, descriptorOf } from './connection.ts';
import type { ConnectionContext, ConnectionHandler } from './connection.ts';

export interface ServerOptions extends ConnectionContext {
  /** Tells who is at the other end of a socket; absent where the system does not. */
  peerOf: ((fd: number) => Peer) | undefined;
  /** Why a new connection is refused, if it is. Asked before anything is made for it. */
  refuse: (peer: Peer | undefined) => Rejection | undefined;
  /** Called for each new connection that is not refused; returns who hears of it. */
  accept: (connection: Connection) => ConnectionHandler;
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
  readonly #refused = new Set<Socket>();
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
    const net = createServer((socket) => this.#connected(socket));
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
    net.on('error', (error) => this.#cannotAccept(error));
    this.#net?.close();
    this.#net = net;
  }

  /** Stops accepting. Those who are connected stay. */
  stopAccepting(): void {
    this.#net?.close();
  }

  /** What goes wrong with one connection costs that connection. */
  #connected(socket: Socket): void {
    try {
      this.#accept(socket);
    } catch (error) {
      socket.on('error', () => {}).destroy();
      this.#cannotAccept(error);
    }
  }

  #accept(socket: Socket): void {
    const { peerOf, refuse, accept } = this.#options;
    const fd = descriptorOf(socket);
    const peer = fd < 0 ? undefined : peerOf?.(fd);
    const rejection = refuse(peer);
    if (rejection) return this.#refuse(socket, rejection);
    const connection = new Connection(++this.#lastId, socket, peer, this.#options);
    connection.open(accept(connection));
  }

  /** A refused peer may read why, but only so many may do so at a time. */
  #refuse(socket: Socket, rejection: Rejection): void {
    this.#refused.add(socket);
    socket.on('error', () => {}).on('close', () => this.#refused.delete(socket));
    bidFarewell(socket, rejection);
    const [oldest] = this.#refused;
    if (this.#refused.size > MOST_REFUSED) oldest!.destroy();
  }

  #cannotAccept(error: unknown): void {
    this.#options.logger.error({ error: messageOf(error) }, 'cannot accept a client');
  }
}
