import { flushCompileCache } from 'node:module';
import { constants } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { Command, Option } from 'commander';

import type { Config } from '../config/config.ts';
import { logFormats, logLevels } from '../config/formats.ts';
import type { Daemon, Reload } from '../daemon/daemon.ts';
import type { Supervision } from '../daemon/supervision.ts';
import { messageOf } from '../errors.ts';
import type { InheritedSocket } from '../linux/activation.ts';
import type * as ProcessCalls from '../linux/process-calls.ts';
import type { ServiceManager } from '../linux/notify.ts';
import { loadIfSupported } from '../linux/if-supported.ts';
import { silent } from '../log.ts';
import type { Logger } from '../log.ts';
import { coalesce } from './coalesce.ts';
import { socketPath } from './connect-once.ts';
import { exitCodes } from './exit-codes.ts';
import type { Finish } from './exit-codes.ts';
import type { DaemonLogger } from './logger.ts';
import { readableStack } from './origin.ts';
import { watchTerminal } from './terminal.ts';

/** How much longer than `shutdown.timeout` stopping may take, in milliseconds. */
const STOP_MARGIN_MS = 1000;

interface Options {
  config?: string;
  socket?: string;
  logLevel?: string;
  logFormat?: string;
}

/** `chimed serve`: runs the daemon in the foreground until a signal ends it. */
export function serveCommand(finish: Finish): Command {
  return new Command('serve')
    .description('run the daemon in the foreground')
    .option(
      '-c, --config <file>',
      'configuration (default: $CHIMED_CONFIG, /etc/chimed/chimed.yaml, else the packaged one)',
    )
    .option('-s, --socket <path>', 'path of the socket, over the one in the configuration', socketPath)
    .addOption(new Option('--log-level <level>', 'least important lines that are written').choices(logLevels))
    .addOption(new Option('--log-format <format>', 'how lines are written').choices(logFormats))
    .addHelpText(
      'after',
      `
Files conf.d/*.yaml and conf.d/*.yml beside the configuration add topics.

Signals:
  SIGHUP            loads the configuration again; a broken one changes nothing.
                    Stops, as SIGTERM does, if the terminal was closed
  SIGTERM, SIGINT   stops: clients get what is queued for them; a second one ends it at once

Examples:
  chimed serve
  chimed serve --config ./chimed.yaml --log-level debug`,
    )
    .action(async (options: Options) => finish(await serve(options, finish)));
}

async function serve(options: Options, finish: Finish): Promise<number> {
  process.title = 'chimed'; // In ps and top it is one of many called node otherwise.
  // The young generation stays at 2 MiB, where it would grow to 100 and never shrink: what we make dies at once.
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=60');
  const [
    { findConfig, loadConfig },
    { loadApart },
    { createLogger },
    { Daemon },
    { loadModules },
    { endChildren },
    { failStart },
  ] = await Promise.all([
    import('../config/load.ts'),
    import('../config/load-apart.ts'),
    import('./logger.ts'),
    import('../daemon/daemon.ts'),
    import('../daemon/topics/topic-parts.ts'),
    import('../sources/children.ts'),
    import('./failed-start.ts'),
  ]);
  const env = environment(options);
  const stopped = new AbortController();
  let inherited: InheritedSocket | undefined;
  const fail = (error: unknown, log?: DaemonLogger): Promise<number> =>
    failStart({ error, log, format: env['CHIMED_LOG_FORMAT'], inherited, signal: stopped.signal });
  let config: Config;
  try {
    config = await loadModules(loadConfig(findConfig(options.config), env));
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
  const reloadSoon = coalesce(async (): Promise<Reload> => {
    const { daemon, supervision } = await starting;
    supervision?.reloading();
    try {
      const next = await loadModules(await loadApart(options.config, env)); // No tick waits for it.
      const reloaded = await daemon.reload(next);
      logger.level = next.log.level;
      supervision?.reloaded({ failed: false });
      return reloaded;
    } catch (error) {
      daemon.reloadFailed(error);
      supervision?.reloaded({ failed: true });
      throw error;
    }
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

/** What libc does with processes; also has those that commands leave behind become our children. */
async function processCalls(logger: Logger): Promise<typeof ProcessCalls | undefined> {
  return await loadIfSupported(
    async () => {
      const [{ keepOrphans }, calls] = await Promise.all([
        import('../linux/orphans.ts'),
        import('../linux/process-calls.ts'),
      ]);
      keepOrphans();
      return calls;
    },
    'processes that leave the group of their command are not found, and a file system that does not answer can keep the daemon from exiting',
    logger,
  );
}

/** The socket that systemd passes, if it does. */
async function inheritedSocket(logger: Logger): Promise<InheritedSocket | undefined> {
  if (!process.env['LISTEN_FDS']) return undefined;
  const activation = await loadIfSupported(
    () => import('../linux/activation.ts'),
    'the socket that systemd passes cannot be taken',
    logger,
  );
  return activation?.takeInheritedSocket();
}

/** systemd, if it wants to know how we are. */
async function serviceManager(logger: Logger): Promise<ServiceManager | undefined> {
  if (!process.env['NOTIFY_SOCKET']) return undefined;
  const notify = await loadIfSupported(
    () => import('../linux/notify.ts'),
    'systemd cannot be told how we are',
    logger,
  );
  return notify?.openServiceManager();
}

/** Tells systemd that we are ready, and how we are from then on. */
async function supervise(daemon: Daemon, manager: ServiceManager, logger: Logger): Promise<Supervision> {
  const { Supervision } = await import('../daemon/supervision.ts');
  const supervision = new Supervision(manager, () => daemon.health(), logger);
  supervision.ready();
  return supervision;
}

/** The flags stand in for the variables of the same settings. */
function environment({ socket, logLevel, logFormat }: Options): Record<string, string | undefined> {
  return {
    ...process.env,
    ...(socket !== undefined && { CHIMED_SOCKET_PATH: socket }),
    ...(logLevel !== undefined && { CHIMED_LOG_LEVEL: logLevel }),
    ...(logFormat !== undefined && { CHIMED_LOG_FORMAT: logFormat }),
  };
}

interface StopCauses {
  /** Stops as a signal does: the terminal was closed. */
  hangUp: () => void;
  /** Resolves when there is a reason to stop. */
  first: Promise<{ reason: string; exitCode: number }>;
  /** Resolves with an exit code when a second signal asks to end at once. */
  second: Promise<number>;
}

function stopCauses(logger: Logger): StopCauses {
  const first = Promise.withResolvers<{ reason: string; exitCode: number }>();
  const second = Promise.withResolvers<number>();
  let signals = 0;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      first.resolve({ reason: signal, exitCode: exitCodes.ok });
      if (++signals === 1) return;
      logger.warn({ signal }, 'second signal: ending at once');
      second.resolve(128 + constants.signals[signal]);
    });
  }
  // Who forks a daemon, as a test does, wants it to end when nobody is there any more.
  if (process.connected)
    process.once('disconnect', () =>
      first.resolve({ reason: 'its parent has ended', exitCode: exitCodes.ok }),
    );
  const fatal = (error: unknown): void => {
    const stack = error instanceof Error ? readableStack(error.stack ?? '') : undefined;
    logger.error({ error: messageOf(error), stack }, 'fatal error');
    first.resolve({ reason: 'fatal error', exitCode: exitCodes.failure });
  };
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);
  const hangUp = (): void => first.resolve({ reason: 'the terminal was closed', exitCode: exitCodes.ok });
  return { hangUp, first: first.promise, second: second.promise };
}
