import type { Config } from '../config/config.ts';
import { coalesce } from '../daemon/coalesce.ts';
import { messageOf } from '../errors.ts';
import { RELOAD_FAILED, patientTell, reloadingState } from '../linux/tell-manager.ts';
import type { Tell } from '../linux/tell-manager.ts';
import type { EventLog } from '../log-events.ts';
import { exitCodeOf } from './exit-codes.ts';
import type { DaemonLogger } from './logger.ts';
import { environmentWith, settleProcess } from './program-start.ts';
import type { ForegroundFlags } from './program-start.ts';
import { stopCauses } from './stop-causes.ts';
import type { StopCauses } from './stop-causes.ts';
import { releaseMemory, serviceManager } from './system-parts.ts';
import { watchTerminal } from './terminal.ts';

type Environment = ReturnType<typeof environmentWith>;

/** A client of the daemon that runs in the foreground, or as a service of its own, until a signal ends it. */
export interface ForegroundProgram {
  /** Its name in ps. */
  title: string;
  flags: ForegroundFlags;
  /** Comes before the configuration is read. */
  prepare?: () => Promise<void>;
  start: (context: ForegroundContext) => Promise<Running>;
  /** If it cannot start: what tells the clients that wait in systemd's sockets; undefined if there are none. */
  refusal?: () => ((error: unknown, signal: AbortSignal) => Promise<void>) | undefined;
  /** Loads the configuration again, at SIGHUP, without blocking. @default SIGHUP is not handled */
  loadAgain?: (named: string | undefined, env: Environment) => Promise<Config>;
}

/** What a program is started with. */
export interface ForegroundContext {
  config: Config;
  logger: EventLog;
  /** Sets the line that `systemctl status` shows. */
  status: (text: string) => void;
}

/** A program that has started. */
export interface Running {
  /** Applies another configuration, and logs it. Rejects if that cannot be done; then nothing has changed. */
  reload?: (config: Config) => Promise<void>;
  /** Resolves with an error if the program must end by itself. */
  ended?: Promise<Error | undefined>;
  stop: () => Promise<void>;
}

/**
 * Loads the configuration, starts the program, tells systemd, and stops it at a signal.
 * @returns the exit code.
 * @throws why it cannot start, unless that goes to the journal.
 */
export async function runInForeground(program: ForegroundProgram): Promise<number> {
  const { title, flags, prepare, start, refusal, loadAgain } = program;
  settleProcess(title);
  const [{ findConfig, loadConfig }, { createLogger }, { failStart }] = await Promise.all([
    import('../config/load.ts'),
    import('./logger.ts'),
    import('./failed-start.ts'),
  ]);
  const { socket: _, ...settings } = flags; // The daemon's: where it listens, and no setting of this program's.
  const env = environmentWith(settings);
  const stopped = new AbortController();
  const fail = (error: unknown, log?: DaemonLogger): Promise<number> => {
    const refuse = refusal?.();
    const format = env['CHIMED_LOG_FORMAT'];
    return failStart({ error, log, format, refuse: refuse && (() => refuse(error, stopped.signal)) });
  };
  let config: Config;
  try {
    await prepare?.();
    config = loadConfig(findConfig(flags.config), env);
  } catch (error) {
    return fail(error);
  }
  const log = await createLogger(config.log.level, config.log.format);
  const { logger, close } = log;
  const causes = stopCauses(logger);
  void causes.first.then(() => stopped.abort());
  const tell = patientTell(await serviceManager(logger), logger);
  let line = 'running';
  const status = (text: string): void => tell({ STATUS: (line = text.replaceAll(/\s+/g, ' ')) });
  const starting = start({ config, logger, status });
  if (loadAgain) {
    const reload = async ({ reload: apply }: Running): Promise<void> => {
      const next = await loadAgain(flags.config, env);
      await apply?.(next);
      logger.level = next.log.level;
    };
    onHangUp(
      causes,
      coalesce(async () => reloadOnce(reload, await starting, tell, () => line, logger)),
    );
  }
  const life = async (): Promise<number> => {
    let running: Running;
    try {
      running = await starting;
    } catch (error) {
      return fail(error, log);
    }
    tell({ READY: 1 });
    await releaseMemory();
    const { reason, exitCode } = await Promise.race([causes.first, endOf(running, logger)]);
    logger.info({ event: 'stopping', reason }, 'stopping');
    tell({ STOPPING: 1 });
    await running.stop();
    logger.info({ event: 'stopped' }, 'stopped');
    return exitCode;
  };
  try {
    return await Promise.race([life(), causes.second]);
  } finally {
    await close();
  }
}

/** The daemon's socket: the one that is named, on the command line or in the file; undefined for the usual places. */
export function daemonSocket({ socket, socketKeys }: Config, flags: ForegroundFlags): string | undefined {
  if (flags.socket !== undefined) return flags.socket;
  return socketKeys?.includes('path') ? socket.path : undefined;
}

function onHangUp({ hangUp }: StopCauses, reload: () => Promise<void>): void {
  const isHungUp = watchTerminal();
  process.on('SIGHUP', () => {
    if (isHungUp()) hangUp();
    else void reload().catch(() => {}); // A start that failed is reported as such.
  });
}

async function reloadOnce(
  reload: (running: Running) => Promise<void>,
  running: Running,
  tell: Tell,
  status: () => string,
  logger: EventLog,
): Promise<void> {
  tell(reloadingState());
  try {
    await reload(running);
    tell({ READY: 1, STATUS: status() }); // Which may say yet that an earlier one has failed.
  } catch (error) {
    logger.error({ event: 'reload-failed', error: messageOf(error) }, RELOAD_FAILED);
    tell({ READY: 1, STATUS: RELOAD_FAILED });
  }
}

/** Resolves when the program ends by itself. */
async function endOf({ ended }: Running, logger: EventLog): Promise<{ reason: string; exitCode: number }> {
  const error = await ended;
  if (error === undefined) return new Promise(() => {}); // It does not, or it was stopped.
  logger.error({ event: 'gave-up', error: messageOf(error) }, 'giving up');
  return { reason: 'it gave up', exitCode: exitCodeOf(error) };
}
