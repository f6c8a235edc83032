import { request as requestPlain } from 'node:http';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { TcpSocketConnectOpts } from 'node:net';
import { resolve } from 'node:path';

import { fileSource } from '../files/file.ts';
import { GrowingBuffer } from '../growing-buffer.ts';
import { httpFailure } from './http-failure.ts';
import type { HttpAnswer, HttpRequest } from './http-request.ts';
import { addressesOf } from './name-lookup.ts';
import type { SourceContext } from '../source.ts';

/** Interim answers (1xx) that a server can send before the answer. */
const MOST_INTERIM = 10;
/** Shortest time that one of several addresses gets to accept a connection, in milliseconds. */
const LEAST_ATTEMPT_MS = 250;

/** Where to connect to. Node's types of a request lack what it passes on to the connection. */
type Target = RequestOptions &
  Pick<TcpSocketConnectOpts, 'autoSelectFamily' | 'autoSelectFamilyAttemptTimeout'>;

/** How far a request has come, for the error when its time is over. */
type Stage = 'look up' | 'connect' | 'secure' | 'wait' | 'read';

/**
 * Prepares the requests of a topic. Each opens a connection of its own: a check of a connection that was opened long ago
 * tells nothing about the next client's. For the same reason no TLS session is resumed, which would skip the certificate.
 * @param fault Says what is wrong with a status; then the body is not read.
 */
export function exchangeHttp(
  request: HttpRequest,
  context: SourceContext,
  fault: (status: number) => string | undefined,
): (signal: AbortSignal) => Promise<HttpAnswer> {
  const url = new URL(request.url);
  const isSecure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const trust = isSecure ? trusted(request, context) : async () => ({});
  const { timeoutMs, maxBytes } = context;
  const readsBody = request.method === 'GET' && (request.body || request.expect.body !== undefined);

  async function target(signal: AbortSignal): Promise<Target> {
    if (request.socket !== undefined) return { socketPath: resolve(context.directory, request.socket) };
    const addresses = await addressesOf(host, context, signal);
    return {
      // Always all addresses: Node then tries them in turn.
      lookup: (_host, _options, found) => found(null, addresses),
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: Math.max(LEAST_ATTEMPT_MS, Math.floor(timeoutMs / addresses.length)),
    };
  }

  async function ask(progress: { stage: Stage }, signal: AbortSignal): Promise<HttpAnswer> {
    const options = {
      method: request.method,
      headers: request.headers,
      agent: false, // No connection is kept.
      signal,
      ...(await target(signal)),
      ...(await trust(signal)),
    };
    signal.throwIfAborted();
    progress.stage = 'connect';
    const send = isSecure ? (await import('node:https')).request : requestPlain;
    const started = performance.now();
    const sent = send(url, options);
    let broken: unknown;
    sent.on('error', (error) => (broken = error));
    try {
      const response = await answerTo(sent, isSecure, progress);
      const { statusCode: status = 0, headers } = response;
      const wrong = fault(status);
      if (wrong !== undefined) throw new Error(wrong);
      progress.stage = 'read';
      const body = readsBody && { body: await readBounded(response, maxBytes) };
      const ms = Math.round((performance.now() - started) * 10) / 10;
      return { status, ms, headers, ...body };
    } catch (error) {
      throw broken ?? error; // The body says no more than that the connection is closed.
    } finally {
      sent.destroy();
    }
  }

  return async (signal) => {
    const progress: { stage: Stage } = { stage: 'look up' };
    const ending = new AbortController();
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    const stop = (): void => reject(new Error('it is no longer needed'));
    const late = (): void => reject(new Error(lateness(progress.stage, timeoutMs)));
    const timer = setTimeout(late, timeoutMs);
    signal.addEventListener('abort', stop);
    try {
      return await Promise.race([ask(progress, ending.signal), stopped]);
    } catch (error) {
      const isUnanswered = progress.stage === 'wait' && !isSecure && request.socket === undefined;
      throw new Error(await httpFailure(error, isUnanswered), { cause: error });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      ending.abort();
    }
  };
}

/** Sends a request, and notes how far it has come. A server that sends interim answers without end is not followed. */
function answerTo(
  sent: ClientRequest,
  isSecure: boolean,
  progress: { stage: Stage },
): Promise<IncomingMessage> {
  const { promise, resolve: answered, reject } = Promise.withResolvers<IncomingMessage>();
  let interim = 0;
  sent.on('socket', (socket) => {
    socket.once('connect', () => (progress.stage = isSecure ? 'secure' : 'wait'));
    socket.once('secureConnect', () => (progress.stage = 'wait'));
  });
  sent.on('response', answered);
  sent.on('error', reject); // It may also come when the request is over.
  sent.on('information', () => {
    if (++interim > MOST_INTERIM)
      reject(new Error(`the server sent more than ${MOST_INTERIM} interim answers (1xx)`));
  });
  // Not an error for `destroy`: Node has let go of the connection, and the error would have no listener.
  sent.on('upgrade', (_response, socket) => {
    socket.destroy();
    reject(new Error('the server switched to another protocol than HTTP (101)'));
  });
  sent.end();
  return promise;
}

/** The certificates to trust. The file is read each time, since authorities are replaced. */
function trusted({ ca }: HttpRequest, context: SourceContext): (signal: AbortSignal) => Promise<object> {
  // Neither variable of Node's may turn the check off, or say whom to trust instead.
  if (ca === undefined) return async () => ({ rejectUnauthorized: true });
  const file = fileSource(ca, context, 'text');
  let made: { pem: string; secureContext: object } | undefined;
  return async (signal) => {
    const pem = (await file.sample(signal)) as string;
    if (pem !== made?.pem) {
      const { createSecureContext } = await import('node:tls');
      if (!pem.includes('-----BEGIN CERTIFICATE-----'))
        throw new Error(`${resolve(context.directory, ca)} has no certificate in PEM format (ca)`);
      made = { pem, secureContext: createSecureContext({ ca: pem }) };
    }
    return { rejectUnauthorized: true, secureContext: made.secureContext };
  };
}

/** A server can send a body in pieces of a byte each, so the pieces are not kept. */
async function readBounded(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const body = new GrowingBuffer(maxBytes);
  for await (const piece of response as AsyncIterable<Buffer>) {
    if (body.length + piece.length > maxBytes)
      throw new Error(
        `the body of the answer has more than ${maxBytes} bytes (maxBytes); raise maxBytes, or set body: false to leave it out`,
      );
    body.append(piece);
  }
  return body.content;
}

function lateness(stage: Stage, timeoutMs: number): string {
  const within = `within ${timeoutMs} ms (timeout)`;
  switch (stage) {
    case 'look up':
      return `the name was not looked up ${within}; the DNS servers of this machine do not answer`;
    case 'connect':
      return `no connection ${within}; the server is overloaded, or a firewall or IPAddressDeny= of the service drops the packets`;
    case 'secure':
      return `the server accepted the connection, but did not complete the TLS handshake ${within}`;
    case 'wait':
      return `the server accepted the connection, but did not answer ${within}`;
    case 'read':
      return `the server answered, but its body did not end ${within}`;
    default:
      return stage satisfies never;
  }
}
