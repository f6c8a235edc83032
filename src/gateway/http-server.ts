import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Longest times for the headers of a request, and for all of it, in milliseconds. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
/** How often these times are looked at, in milliseconds. */
const CHECK_MS = 2000;
/** Longest headers, in bytes: of cookies, and of the patterns in the address. */
const HEADER_BYTES = 16_384;
/** Requests that one connection may make before it must be opened again. */
const MOST_REQUESTS = 10_000;

/** What browsers are told with each answer: nothing but our own files, and in nobody's frame. */
const securityHeaders = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
} as const;

export interface HttpServerOptions {
  maxConnections: number;
  /** Called for each new connection; false closes it. */
  enter: (socket: Socket) => boolean;
  answer: (request: IncomingMessage, response: ServerResponse) => void;
}

/** Makes an HTTP server whose requests are bounded in time and size. It does not listen yet. */
export function createHttpServer({ maxConnections, enter, answer }: HttpServerOptions): Server {
  const server = createServer(
    {
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      connectionsCheckingInterval: CHECK_MS,
      maxHeaderSize: HEADER_BYTES,
      requireHostHeader: true,
      insecureHTTPParser: false,
    },
    (request, response) => {
      for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
      answer(request, response);
    },
  );
  server.maxConnections = maxConnections;
  server.maxRequestsPerSocket = MOST_REQUESTS;
  server.on('connection', (socket) => {
    if (!enter(socket)) socket.destroy();
  });
  return server;
}
