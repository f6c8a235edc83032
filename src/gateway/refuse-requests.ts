import type { Server } from 'node:http';
import type { Socket } from 'node:net';

import { ChimedError, messageOf } from '../errors.ts';
import type { InheritedListener } from '../linux/activation.ts';
import { peerOf } from '../linux/peer.ts';
import { Lull } from '../transport/lull.ts';
import { descriptorOf } from '../transport/sockets.ts';
import { askerOf } from './asker.ts';
import { createHttpServer } from './http-server.ts';
import { Problem, sendProblem } from './problem.ts';

const MAX_CONNECTIONS = 256;

/**
 * Answers the requests to inherited sockets with the reason why the gateway cannot start. Without an answer they would stay in
 * the sockets' queues, and start the service again and again. Never rejects.
 * @param error Why the gateway cannot start. Root and the gateway's own user read it, others its code only.
 * @param signal Ends it early.
 */
export async function refuseRequests(
  listeners: readonly InheritedListener[],
  error: unknown,
  signal: AbortSignal,
): Promise<void> {
  const lull = new Lull(signal);
  const servers: Server[] = listeners.map(({ fd, isUnix }) => {
    const server = createHttpServer({
      maxConnections: MAX_CONNECTIONS,
      enter: () => {
        lull.disturb();
        return true;
      },
      answer: ({ socket }, response) => sendProblem(response, problem(error, isUnix && isPrivileged(socket))),
    });
    return server.on('error', lull.end).listen({ fd });
  });
  await lull.come;
  for (const server of servers) server.close().closeAllConnections();
}

function problem(error: unknown, privileged: boolean): Problem {
  const code = error instanceof ChimedError ? error.code : 'internal-error';
  const headers = { Connection: 'close', 'Retry-After': '10' };
  if (privileged) return new Problem(503, code, `chimed web cannot start: ${messageOf(error)}`, headers);
  const reason = code === 'bad-config' ? ': its configuration has mistakes' : '';
  const message = `chimed web cannot start${reason}. Ask an administrator to look at \`systemctl status chimed-web\`.`;
  return new Problem(503, code, message, headers);
}

function isPrivileged(socket: Socket): boolean {
  try {
    const { uid, onBehalfOf } = askerOf(peerOf(descriptorOf(socket)));
    return uid === 0 || onBehalfOf === undefined;
  } catch {
    return false; // It has gone already.
  }
}
