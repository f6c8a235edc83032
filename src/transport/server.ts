import { closeSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server as NetServer, Socket } from 'node:net';

import { ChimedError, messageOf } from '../errors.ts';
import type { Peer } from '../linux/peer.ts';
import type { SocketCalls } from '../linux/socket-calls.ts';
import type { Rejection } from '../protocol/messages.ts';
import { Connection } from './connection.ts';
import type { ConnectionContext, ConnectionListener } from './connection.ts';
import { bidFarewell } from './farewell.ts';
import { encodeFrame } from './frames.ts';
import { adopt, descriptorOf } from './sockets.ts';

export interface ServerOptions extends ConnectionContext {
  /** What Node cannot do with sockets; absent where the system does not have it. */
  calls: SocketCalls | undefined;
  /** Why a new connection is refused, if it is. Asked before anything is made for it. */
  refuse: (peer: Peer | undefined) => Rejection | undefined;
  /** Called for each new connection that is not refused; returns who hears of it. */
  accept: (connection: Connection) => ConnectionListener;
}

/** Refused connections that may be open until they have read why: more would use up the descriptors. */
const MOST_REFUSED = 32;
/** How long connections are accepted in one turn of the event loop, in milliseconds. */
const ACCEPTING_MS = 1;

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
    const { calls } = this.#options;
    const net = createServer({ pauseOnConnect: calls !== undefined }, (socket) =>
      this.#connected(net, socket),
    );
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

  /**
   * Node accepts one connection in each turn of the event loop, so that whoever floods us has everybody else wait. We
   * take that one as a sign that there are some, and accept as many as there is time for.
   */
  #connected(net: NetServer, first: Socket): void {
    const { calls } = this.#options;
    if (!calls) return this.#listeningSocket(first);
    try {
      this.#takeDescriptor(calls.duplicate(descriptorOf(first)), calls);
      const until = performance.now() + ACCEPTING_MS;
      while (net.listening && performance.now() < until) {
        const fd = calls.accept(descriptorOf(net));
        if (fd === undefined) break;
        this.#takeDescriptor(fd, calls);
      }
    } catch (error) {
      this.#cannotAccept(error);
    }
    first.destroy();
  }

  // What goes wrong with one connection costs that connection.
  #listeningSocket(socket: Socket): void {
    try {
      this.#enter(socket, undefined, this.#options.refuse(undefined));
    } catch (error) {
      socket.on('error', () => {}).destroy();
      this.#cannotAccept(error);
    }
  }

  #takeDescriptor(fd: number, calls: SocketCalls): void {
    let socket: Socket | undefined;
    try {
      const peer = calls.peerOf(fd);
      const rejection = this.#options.refuse(peer);
      if (rejection && this.#refused.size >= MOST_REFUSED) return dismiss(fd, rejection, calls);
      socket = adopt(fd);
      this.#enter(socket, peer, rejection);
    } catch (error) {
      if (socket) socket.on('error', () => {}).destroy();
      else closeSync(fd);
      this.#cannotAccept(error);
    }
  }

  #enter(socket: Socket, peer: Peer | undefined, rejection: Rejection | undefined): void {
    if (rejection) return this.#refuse(socket, rejection);
    const connection = new Connection(++this.#lastId, socket, peer, this.#options);
    connection.open(this.#options.accept(connection));
  }

  /** A refused peer may read why, but only so many may take their time. */
  #refuse(socket: Socket, rejection: Rejection): void {
    this.#refused.add(socket);
    socket.on('error', () => {}).on('close', () => this.#refused.delete(socket));
    bidFarewell(socket, rejection);
    const [oldest] = this.#refused;
    if (this.#refused.size > MOST_REFUSED) oldest!.destroy();
  }

  #cannotAccept(error: unknown): void {
    this.#options.logger.error({ event: 'cannot-accept', error: messageOf(error) }, 'cannot accept a client');
  }
}

/** Tells a peer why it is refused, and closes at once: if it writes at that moment, it may not read it. */
function dismiss(fd: number, rejection: Rejection, { send }: SocketCalls): void {
  send(fd, encodeFrame({ type: 'chimed.rejected', data: rejection }));
  closeSync(fd);
}
