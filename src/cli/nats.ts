import type { Config } from '../config/config.ts';
import { loadApart } from '../config/load-apart.ts';
import { ChimedError } from '../errors.ts';
import { Bridge } from '../fleet/bridge.ts';
import { runToEnd } from './ending.ts';
import type { Ending } from './exit-codes.ts';
import { daemonSocket, runInForeground } from './foreground.ts';
import type { ForegroundContext, ForegroundProgram, Running } from './foreground.ts';
import type { ForegroundFlags } from './program-start.ts';

/** Runs the bridge until a signal ends it. @returns how to exit. */
export function natsToEnd(flags: ForegroundFlags): Promise<Ending> {
  const program: ForegroundProgram = {
    title: 'chimed nats',
    flags,
    start: (context) => startBridge(context, flags),
    loadAgain: loadApart,
  };
  return runToEnd(async (finish) => finish(await runInForeground(program)));
}

async function startBridge(
  { config, logger, status }: ForegroundContext,
  flags: ForegroundFlags,
): Promise<Running> {
  requireServers(config);
  const socket = daemonSocket(config, flags);
  const bridge = await Bridge.start({
    config,
    ...(socket !== undefined && { socket }),
    logger,
    status,
  });
  return {
    async reload(next) {
      requireServers(next);
      await bridge.reload(next);
    },
    ended: bridge.ended,
    stop: () => bridge.stop(),
  };
}

/** @throws {ChimedError} `bad-config` if no NATS server is configured. */
function requireServers({ nats, file }: Config): void {
  if (nats) return;
  const message = `nats.servers is not set in ${file}; write, for example, \`nats: { servers: nats://nats.example:4222, export: host.> }\``;
  throw new ChimedError('bad-config', message);
}
