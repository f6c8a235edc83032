import { silent } from '../../src/log.ts';
import type { ConnectionContext } from '../../src/transport/connection.ts';

/** What connections share, for tests that have no server. */
export const connectionContext: ConnectionContext = {
  maxFrameBytes: 1024 * 1024,
  frameTimeoutMs: 1000,
  logger: silent,
};
