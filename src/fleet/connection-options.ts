import type { ConnectionOptions } from '@nats-io/transport-node';

import type { NatsConfig } from '../config/config.ts';
import { loadCredentials } from './credentials.ts';

/** Longest time to connect, in milliseconds. */
const CONNECT_MS = 5000;

/**
 * What a connection is made with: settings and credentials as they are now.
 * @throws {ChimedError} `bad-config` for credentials that cannot be used.
 */
export async function connectionOptions({
  servers,
  tls,
  machine,
  credentials,
}: NatsConfig): Promise<ConnectionOptions> {
  const authenticator = await loadCredentials(credentials);
  return {
    servers: [...servers],
    name: `chimed ${machine}`,
    reconnect: false,
    timeout: CONNECT_MS,
    noAsyncTraces: true,
    inboxPrefix: `_INBOX.${machine}`, // So that a server can keep the answers apart.
    ...(authenticator && { authenticator }),
    ...(tls && {
      tls: {
        ...(tls.ca !== undefined && { caFile: tls.ca }),
        ...(tls.cert !== undefined && { certFile: tls.cert }),
        ...(tls.key !== undefined && { keyFile: tls.key }),
      },
    }),
  };
}
