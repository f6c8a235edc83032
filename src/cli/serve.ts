import { flushCompileCache } from 'node:module';

import type { Config } from '../config/config.ts';
import type { Supervision } from '../daemon/supervision.ts';
import type { Daemon } from '../daemon/daemon.ts';
import type { InheritedSocket } from '../linux/activation.ts';
import type { ServiceManager } from '../linux/notify.ts';
import { silent } from '../log.ts';
import type { EventLog } from '../log-events.ts';
import { runToEnd } from './ending.ts';
import { exitCodes } from './exit-codes.ts';
import type { Ending, Finish } from './exit-codes.ts';
import type { DaemonLogger } from './logger.ts';
import { environmentWith, settleProcess } from './program-start.ts';
import type { ForegroundFlags } from './program-start.ts';
import { stopCauses } from './stop-causes.ts';
import { inheritedSocket, processCalls, releaseMemory, serviceManager } from './system-parts.ts';
import { watchTerminal } from './terminal.ts';

/** How much longer than `shutdown.timeout` stopping may take, in milliseconds. */
const STOP_MARGIN_MS = 1000;

/** Runs the daemon until a signal ends it. @returns how to exit. */
export function serveToEnd(flags: ForegroundFlags): Promise<Ending> {
  return runToEnd(async (finish) => finish(await serve(flags, finish)));
}

async function serve(flags: ForegroundFlags, finish: Finish): Promise<number> {
  settleProcess('chimed');
  const [
    { findConfig, loadConfig },
    { createLogger },
    { Daemon },
    { loadModules },
    { endChildren },
    { failStart },
    { createReloader },
  ] = await Promise.all([
    import('../config/load.ts'),
    import('./logger.ts'),
    import('../daemon/daemon.ts'),
    import('../daemon/topics/topic-parts.ts'),
    import('../sources/processes/children.ts'),
    import('./failed-start.ts'),
    import('../daemon/reloader.ts'),
  ]);
  const env = environmentWith(flags);
  const stopped = new AbortController();
  let inherited: InheritedSocket | undefined;
  const fail = (error: unknown, log?: DaemonLogger): Promise<number> => {
    const socket = inherited;
    const refuse =
      socket &&
      (async (): Promise<void> => {
        const { refuseClients } = await import('../daemon/refuse-start.ts');
        await refuseClients(socket, error, stopped.signal);
      });
    return failStart({ error, log, format: env['CHIMED_LOG_FORMAT'], refuse });
  };
  let config: Config;
  try {
    config = await loadModules(loadConfig(findConfig(flags.config), env));
  } catch (error) {
    inherited = await inheritedSocket(silent).catch(() => undefined);
    return fail(error);
  }
  const log = await createLogger(config.log.level, config.log.format);
  const { logger, close } = log;
  const causes = stopCauses(logger);
  void causes.first.then(() => stopped.abort());
  const calls = await processCalls(logger);
  // process.exit waits for Node's threads, and these may wait for a disk for ever.
  if (calls) finish(exitCodes.ok, calls.exitNow);
  const start = async (): Promise<{ daemon: Daemon; supervision: Supervision | undefined }> => {
    inherited = await inheritedSocket(logger);
    // Before any command is run: it would take the service manager's variables for its own.
    const manager = await serviceManager(logger);
    const daemon = await Daemon.start(config, logger, { inherited, reload: () => reloadSoon() });
    return { daemon, supervision: manager && (await supervise(daemon, manager, logger)) };
  };
  const reloadSoon = createReloader({
    started: () => starting,
    load: async () => {
      const { loadApart } = await import('../config/load-apart.ts');
      return await loadModules(await loadApart(flags.config, env)); // No tick waits for it.
    },
    inForce: ({ log: { level } }) => void (logger.level = level),
  });
  const starting = start();
  const isHungUp = watchTerminal();
  process.on('SIGHUP', () => {
    if (isHungUp()) causes.hangUp();
    else reloadSoon().catch(() => {}); // It was logged.
  });
  const life = async (): Promise<number> => {
    let started;
    try {
      started = await starting;
    } catch (error) {
      return fail(error, log);
    }
    const { daemon, supervision } = started;
    flushCompileCache(); // Node writes it as it exits, which kill -9 prevents: the next start would be no faster.
    await releaseMemory();
    const { reason, exitCode } = await causes.first;
    supervision?.stopping(daemon.stopTimeoutMs);
    calls?.endAfter(daemon.stopTimeoutMs + STOP_MARGIN_MS); // Whatever holds this thread up.
    await daemon.stop(reason);
    return exitCode;
  };
  try {
    return await Promise.race([life(), causes.second]);
  } finally {
    endChildren();
    await close();
  }
}

/** Tells systemd that we are ready, and how we are from then on. */
async function supervise(daemon: Daemon, manager: ServiceManager, logger: EventLog): Promise<Supervision> {
  const { Supervision } = await import('../daemon/supervision.ts');
  const supervision = new Supervision(manager, () => daemon.health(), logger);
  supervision.ready();
  return supervision;
}
