import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server as NetServer, Socket } from 'node:net';
import { IPCModule } from 'node-ipc';

import { ChimedError, messageOf } from '../errors.ts';
import type { SocketCalls } from '../linux/socket-calls.ts';
import type { Logger } from '../log.ts';
import type { Frame } from '../protocol/messages.ts';
import { Connection } from './connection.ts';
import type { ConnectionHandler } from './connection.ts';
import { FRAME, FrameParser, VIOLATION } from './frames.ts';

export interface ServerOptions {
  /** Largest frame accepted from a client, in bytes. */
  maxFrameBytes: number;
  /** Longest time that a frame may stay unfinished, in milliseconds. */
  frameTimeoutMs: number;
  /** Absent where the system does not have them. */
  calls?: SocketCalls | undefined;
  logger: Logger;
  /** Called for each new connection; returns who hears of it. */
  accept: (connection: Connection) => ConnectionHandler;
}

/** Refused connections that may be open until they have read why: more would use up the descriptors. */
const MOST_REFUSED = 32;

interface Accepted {
  connection: Connection;
  handler: ConnectionHandler;
}

/**
 * Accepts connections and turns their bytes into frames. We listen ourselves and hand each socket to
 * node-ipc's server, so that the mode of the path, the backlog and an inherited descriptor are ours to choose.
 */
export class Server {
  readonly #options: ServerOptions;
  #net: NetServer | undefined;
  readonly #ipc = new IPCModule();
  readonly #accepted = new Map<Socket, Accepted>();
  /** Connections that were refused as they came, the oldest first. */
  readonly #refused = new Set<Connection>();
  #lastId = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#ipc.config.parser = new FrameParser(options.maxFrameBytes);
    this.#ipc.config.logger = (text) => options.logger.debug({ from: 'node-ipc' }, text);
    this.#ipc.serve('unused: we listen, node-ipc reads');
    this.#ipc.server.on(FRAME, (frame: Frame, socket: Socket) => this.#frame(frame, socket));
    this.#ipc.server.on(VIOLATION, (error: ChimedError, socket: Socket) => this.#violation(error, socket));
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
    const frameAge = { limitMs: this.#options.frameTimeoutMs, exceeded: () => this.#tooOld(socket) };
    const connection = new Connection(++this.#lastId, socket, frameAge, this.#options.calls);
    const handler = this.#options.accept(connection);
    const accepted: Accepted = { connection, handler };
    this.#accepted.set(socket, accepted);
    if (connection.ended) this.#keepRefused(connection);
    let error: Error | undefined;
    socket.on('error', (problem) => (error = problem));
    socket.on('drain', () => this.#guard(accepted, () => handler.drained()));
    socket.on('close', () => {
      this.#accepted.delete(socket);
      this.#refused.delete(connection);
      this.#guard(accepted, () => handler.closed(connection.closed(error)));
    });
    this.#ipc.server.addSocket(socket);
    // After node-ipc's own listener, so that it sees what the parser left.
    socket.on('data', () => connection.chunkRead());
  }

  #keepRefused(connection: Connection): void {
    this.#refused.add(connection);
    if (this.#refused.size <= MOST_REFUSED) return;
    const [oldest] = this.#refused;
    oldest!.destroy('refused');
  }

  #frame(frame: Frame, socket: Socket): void {
    const accepted = this.#accepted.get(socket);
    if (!accepted || accepted.connection.ended) return;
    this.#guard(accepted, () => accepted.handler.frame(frame));
  }

  #violation(error: ChimedError, socket: Socket): void {
    const accepted = this.#accepted.get(socket);
    if (!accepted || accepted.connection.ended) return;
    this.#guard(accepted, () => accepted.handler.violated(error));
    accepted.connection.reject({ code: error.code, message: error.message });
  }

  #tooOld(socket: Socket): void {
    const message = `a frame did not end within ${this.#options.frameTimeoutMs} ms; each ends with a form feed`;
    this.#violation(new ChimedError('incomplete', message), socket);
  }

  /** A mistake of ours in handling one client costs that client, not the daemon. */
  #guard({ connection }: Accepted, work: () => void): void {
    try {
      work();
    } catch (error) {
      const stack = error instanceof Error ? error.stack : undefined;
      this.#options.logger.error({ client: connection.id, error: messageOf(error), stack }, 'internal error');
      connection.destroy('internal error');
    }
  }
}
