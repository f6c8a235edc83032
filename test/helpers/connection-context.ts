import { silent } from '../../src/log.ts';
import type { ConnectionContext } from '../../src/transport/connection.ts';
import { Sends } from '../../src/transport/sends.ts';

/** What connections share, for tests that have no server. */
export const connectionContext: ConnectionContext = {
  maxFrameBytes: 1024 * 1024,
  frameTimeoutMs: 1000,
  sends: new Sends(undefined),
  logger: silent,
};
