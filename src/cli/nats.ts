import type { Config } from '../config/config.ts';
import { loadApart } from '../config/load-apart.ts';
import { ChimedError, messageOf } from '../errors.ts';
import { Bridge } from '../fleet/bridge.ts';
import { checkKeyFiles } from '../fleet/key-files.ts';
import type { ClockQuality } from '../linux/clock.ts';
import type { EventLog } from '../log-events.ts';
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
  await checkNats(config);
  const socket = daemonSocket(config, flags);
  const clock = await clockOfMachine(logger);
  const bridge = Bridge.start({
    config,
    ...(socket !== undefined && { socket }),
    ...(clock && { clock }),
    logger,
    status,
  });
  return {
    async reload(next) {
      await checkNats(next);
      await bridge.reload(next);
    },
    ended: bridge.ended,
    stop: () => bridge.stop(),
  };
}

/** @throws {ChimedError} `bad-config` if no NATS server is configured, or a file with keys cannot be used. */
async function checkNats({ nats, file }: Config): Promise<void> {
  if (nats) return await checkKeyFiles(nats);
  const message = `nats.servers is not set in ${file}; write, for example, \`nats: { servers: nats://nats.example:4222, export: host.> }\``;
  throw new ChimedError('bad-config', message);
}

/** Undefined where the clock cannot be read. */
async function clockOfMachine(logger: EventLog): Promise<(() => ClockQuality) | undefined> {
  try {
    const { clockQuality } = await import('../linux/clock.ts');
    clockQuality();
    return clockQuality;
  } catch (error) {
    logger.warn(
      { event: 'no-clock-quality', error: messageOf(error) },
      'the other machines are not told how well the clock is synchronised',
    );
    return undefined;
  }
}
