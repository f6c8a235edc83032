import { existsSync, lstatSync, readFileSync, realpathSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

import { messageOf } from '../errors.ts';
import { version } from '../protocol/version.ts';
import { command, commandStep, succeeds } from './run-program.ts';
import { placeFile, removeIfEmpty } from './files.ts';
import { DAEMON, NATS_SERVICE_UNIT, RUNTIME_DIRECTORY, UNITS, WEB } from './layout.ts';
import type { Pair, Unit } from './layout.ts';
import type { InstallStep } from './step.ts';

/** A step that writes a unit. If its settings stay, so does the file's time, by which `isSocketOutdated` judges. */
export function placeUnit(unit: Unit, content: () => Buffer): InstallStep {
  const file = UNITS[unit];
  const step = placeFile(file, content);
  let keepTime: (() => void) | undefined;
  return {
    ...step,
    run() {
      const former = lstatSync(file, { throwIfNoEntry: false });
      if (former?.isFile() && settings(readFileSync(file)) === settings(content())) {
        keepTime = () => utimesSync(file, former.atime, former.mtime);
      }
      step.run();
      keepTime?.();
    },
    undo() {
      step.undo?.();
      keepTime?.();
      return undefined;
    },
  };
}

/**
 * Reports whether a socket must be opened again: it is closed, or older than its unit, which an installation that
 * was interrupted may have written.
 */
export function isSocketOutdated({ socket }: Pair): boolean {
  if (!succeeds('systemctl', 'is-active', '--quiet', socket)) return true;
  const shown = command('systemctl', 'show', '--property=ActiveEnterTimestamp', '--timestamp=us+utc', socket);
  const [, day, time] = /(\d+-\d+-\d+) ([\d:]+\.\d{3})\d* UTC/.exec(shown) ?? [];
  return !(lstatSync(UNITS[socket]).mtimeMs <= Date.parse(`${day}T${time}Z`));
}

/** Starts the daemon, or starts it again. systemctl waits until it is ready; the socket stays open if it can. */
export function* startSteps(): Generator<InstallStep> {
  const { socket, service } = DAEMON;
  const units: Unit[] = isMasked(socket) ? [service] : [socket, service];
  yield enableStep(units);
  if (units.length === 1 || !isSocketOutdated(DAEMON)) {
    yield restartStep(service);
    return;
  }
  // A socket cannot be opened under a daemon that runs without it.
  yield commandStep('systemctl', 'stop', service);
  yield restartStep(...units);
}

/**
 * Restarts a gateway and a bridge that run. The restart of the gateway's socket includes its own, and is left out if the
 * socket's settings are the same. Nothing is undone if one fails: the daemon runs already.
 */
export function* restartCompanionSteps(): Generator<InstallStep> {
  yield restartCompanionStep('the gateway', WEB.service, isSocketOutdated(WEB) ? WEB.socket : WEB.service);
  yield restartCompanionStep('the bridge', NATS_SERVICE_UNIT, NATS_SERVICE_UNIT);
}

function restartCompanionStep(what: string, service: Unit, unit: Unit): InstallStep {
  return {
    says: `systemctl try-restart ${unit}`,
    run() {
      try {
        restart(service, 'try-restart', unit);
      } catch (error) {
        throw new Error(
          `chimed ${version()} is installed and its daemon runs, but ${what} did not restart: ${messageOf(error)}`,
          { cause: error },
        );
      }
    },
  };
}

/** Undone, it stops and disables what was not enabled before. */
function enableStep(units: Unit[]): InstallStep {
  let added: string[] = [];
  return {
    ...commandStep('systemctl', 'enable', ...units),
    run() {
      added = units.filter((unit) => !succeeds('systemctl', 'is-enabled', '--quiet', unit));
      command('systemctl', 'enable', ...units);
    },
    undo() {
      if (added.length > 0) command('systemctl', 'disable', '--now', ...added);
      removeIfEmpty(RUNTIME_DIRECTORY); // systemd makes it for the socket and leaves it.
      return undefined;
    },
  };
}

/** The last step that can fail for a reason of the new version's. */
function restartStep(...units: Unit[]): InstallStep {
  return {
    says: ['systemctl', 'restart', ...units].join(' '),
    run() {
      try {
        restart(DAEMON.service, 'restart', ...units);
      } catch (error) {
        throw new Error(`chimed ${version()} did not become ready: ${messageOf(error)}`, { cause: error });
      }
    },
    isFinal: true,
  };
}

function restart(service: Unit, verb: 'restart' | 'try-restart', ...units: Unit[]): void {
  try {
    command('systemctl', verb, ...units);
  } catch (error) {
    if (wasTried(service)) throw error;
    command('systemctl', 'restart', ...units);
  }
}

/**
 * Reports whether a start that failed came as far as the program. From 200 on, exit codes are systemd's own, for what
 * it could not prepare (systemd.exec(5)): the control group of the former run may be removed at that very moment.
 */
function wasTried(service: Unit): boolean {
  return Number(command('systemctl', 'show', '--property=ExecMainStatus', '--value', service)) < 200;
}

/** Whoever masks the socket unit wants the daemon to make the socket. */
function isMasked(unit: Unit): boolean {
  const override = join('/etc/systemd/system', unit);
  return existsSync(override) && realpathSync(override) === '/dev/null';
}

/** What a unit's file sets, without what is there for people. */
function settings(content: Buffer): string {
  return content
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !/^(#|;|Description=|Documentation=)/.test(line))
    .join('\n');
}
