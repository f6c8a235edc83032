import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import { BoundedLog } from '../bounded-log.ts';
import { ChimedError, messageOf } from '../errors.ts';
import type { InheritedListener } from '../linux/activation.ts';
import type { Peer } from '../linux/peer.ts';
import type { EventLog } from '../log-events.ts';
import type { SocketFile } from '../transport/socket-file.ts';
import { descriptorOf } from '../transport/sockets.ts';
import { askerOf, tokenHolder } from './asker.ts';
import type { Asker } from './asker.ts';
import { Exchange } from './exchange.ts';
import { checkOrigin } from './guard.ts';
import { sendHealth } from './health-route.ts';
import { createHttpServer } from './http-server.ts';
import { Streams } from './listen-route.ts';
import { logIn } from './login-routes.ts';
import { sendMetrics } from './metrics-route.ts';
import { BuiltPage } from './page-routes.ts';
import { Problem, problemOf, sendProblem } from './problem.ts';
import { route } from './routes.ts';
import type { Routes } from './routes.ts';
import type { Token } from './token.ts';
import { topicsRoutes } from './topics-routes.ts';
import { UserBudget } from './user-budget.ts';
import { Viewers } from './viewers.ts';
import type { Connect } from './viewers.ts';

/** Bytes that requests and answers together may hold. */
const BYTES = 64 * 1024 * 1024;
/** How long those who read an answer have to read it when the gateway stops, in milliseconds. */
const STOP_MS = 1000;

/** Codes of requests that nobody who may use the gateway makes. */
const refusals: ReadonlySet<string> = new Set(['wrong-host', 'foreign-page', 'wrong-token', 'no-token']);

/** Where a gateway listens. */
export type ListenPlace =
  | { kind: 'unix'; file: SocketFile }
  | { kind: 'loopback'; host: string; port: number }
  | ({ kind: 'inherited' } & InheritedListener);

export interface GatewayOptions {
  places: readonly ListenPlace[];
  /** Connections that the kernel keeps until they are accepted. */
  backlog: number;
  /** How to reach the daemon. */
  connect: Connect;
  /** Needed by a loopback port. */
  token: Token | undefined;
  /** Further names that the loopback port answers to. */
  hosts: readonly string[];
  maxConnections: number;
  /** Largest body of a publication. */
  frameBytes: number;
  /** Who is at the other end of a Unix socket. */
  peerOf: (fd: number) => Peer;
  /** Where the page's files are. */
  page: string;
  logger: EventLog;
}

/** Carries the daemon's topics to HTTP. It is an ordinary client of the daemon, and connects when it is asked. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #viewers: Viewers;
  readonly #streams: Streams;
  readonly #page: BuiltPage;
  readonly #routes: Routes;
  readonly #budget = new UserBudget({ perUser: BYTES / 4, total: BYTES });
  readonly #servers: Server[] = [];
  /** Who is at the other end of each connection. */
  readonly #askers = new WeakMap<Socket, Asker>();
  /** How many each user has; the server itself bounds all together. */
  readonly #connections: UserBudget;
  readonly #log: BoundedLog;

  private constructor(options: GatewayOptions) {
    this.#options = options;
    this.#log = new BoundedLog(options.logger, {}, BoundedLog.forAll());
    this.#connections = new UserBudget({ perUser: Math.ceil(options.maxConnections / 2), total: Infinity });
    this.#viewers = new Viewers(options.connect);
    this.#streams = new Streams(options.connect);
    this.#page = new BuiltPage(options.page);
    this.#routes = {
      ...this.#page.routes,
      ...topicsRoutes(this.#viewers, options.frameBytes),
      'GET /listen': (exchange) => this.#streams.send(exchange),
      'GET /metrics': (exchange) => sendMetrics(exchange, this.#viewers),
      'GET /healthz': (exchange) => sendHealth(exchange, this.#viewers),
    };
  }

  /** @throws {ChimedError} `cannot-listen`. */
  static async start(options: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(options);
    try {
      for (const place of options.places) {
        await gateway.#listen(place);
        if (place.kind === 'unix') place.file.keep(() => gateway.#listen(place));
      }
    } catch (error) {
      await gateway.stop();
      throw new ChimedError('cannot-listen', `the gateway cannot listen: ${messageOf(error)}`, {
        cause: error,
      });
    }
    return gateway;
  }

  /** The addresses of its loopback ports. */
  get addresses(): string[] {
    return this.#servers.flatMap((server) => {
      const address = server.address();
      if (typeof address !== 'object' || !address) return [];
      return [
        address.family === 'IPv6'
          ? `[${address.address}]:${address.port}`
          : `${address.address}:${address.port}`,
      ];
    });
  }

  /** Ends all streams, and all connections once their answers are read or a second has passed. */
  async stop(): Promise<void> {
    void this.#viewers.close();
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const place of this.#options.places) if (place.kind === 'unix') place.file.release();
    this.#log.close();
    this.#streams.end();
    const timer = setTimeout(() => this.#servers.forEach((server) => server.closeAllConnections()), STOP_MS);
    await Promise.all(closed);
    clearTimeout(timer);
  }

  async #listen(place: ListenPlace): Promise<void> {
    const isUnix = place.kind === 'unix' || (place.kind === 'inherited' && place.isUnix);
    const server = createHttpServer({
      maxConnections: this.#options.maxConnections,
      enter: (socket) => this.#enter(socket, isUnix),
      answer: (request, response) => void this.#answer(request, response, isUnix),
    });
    this.#servers.push(server);
    const listening = once(server, 'listening');
    if (place.kind === 'unix') place.file.open(server);
    else if (place.kind === 'loopback') server.listen(place.port, place.host, this.#options.backlog);
    else server.listen({ fd: place.fd }, this.#options.backlog);
    await listening;
    server.on('error', (error) =>
      this.#log.error({ event: 'cannot-accept', error: messageOf(error) }, 'cannot accept a connection'),
    );
  }

  /** Notes who connects. @returns false if that user has too many connections. */
  #enter(socket: Socket, isUnix: boolean): boolean {
    let asker = tokenHolder;
    try {
      if (isUnix) asker = askerOf(this.#options.peerOf(descriptorOf(socket)));
    } catch {
      return false; // It has gone already.
    }
    const { user, uid } = asker;
    this.#askers.set(socket, asker);
    // On a loopback port nobody knows who connects, so there is nothing to divide.
    if (!isUnix || uid === 0) return true;
    if (!this.#connections.take(user)) {
      const message = 'rejected: this user has half of all connections (web.maxConnections)';
      this.#log.warn({ event: 'rejected', uid, code: 'too-many-connections' }, message);
      return false;
    }
    socket.once('close', () => this.#connections.release(user));
    return true;
  }

  async #answer(request: IncomingMessage, response: ServerResponse, isUnix: boolean): Promise<void> {
    response.on('error', () => {}); // Whoever asked has gone.
    try {
      const exchange = new Exchange(
        request,
        response,
        this.#askers.get(request.socket) ?? tokenHolder,
        this.#budget,
      );
      if (isUnix || (await this.#letIn(exchange))) await route(this.#routes, exchange);
    } catch (error) {
      const problem = problemOf(error, this.#askers.get(request.socket) === tokenHolder);
      this.#note(problem);
      sendProblem(response, problem);
    }
  }

  /** Logs what an administrator should know of: mistakes of ours, and those who try to get in. */
  #note({ status, code, message }: Problem): void {
    if (status === 500) this.#log.error({ event: 'internal-error', error: message }, 'a request failed');
    else if (refusals.has(code)) this.#log.warn({ event: 'rejected', code }, `rejected: ${message}`);
  }

  /** Checks a request to the loopback port. @returns false if it is answered. @throws {Problem} 401, 403 or 421. */
  async #letIn(exchange: Exchange): Promise<boolean> {
    const { token, hosts } = this.#options;
    const { request, url } = exchange;
    checkOrigin(request, hosts);
    if (!token) throw new Problem(403, 'no-token', 'This gateway has no token, so its port answers nobody.');
    if (await logIn(exchange, token, this.#page)) return false;
    if (token.isIn(request)) return true;
    if (request.method === 'GET' && url.pathname === '/') {
      this.#page.send(exchange, 'login.html', 401);
      return false;
    }
    // What the login form consists of has no secrets.
    if (request.method === 'GET' && url.pathname.startsWith('/page/')) return true;
    const message =
      'The token is missing or wrong. Send it as `Authorization: Bearer TOKEN`, or log in at /.';
    throw new Problem(401, 'wrong-token', message, { 'WWW-Authenticate': 'Bearer' });
  }
}
