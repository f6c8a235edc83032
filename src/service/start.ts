import { existsSync, lstatSync, readFileSync, realpathSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

import { messageOf } from '../errors.ts';
import { version } from '../protocol/version.ts';
import { command, commandStep, succeeds } from './run-program.ts';
import { placeFile, removeIfEmpty } from './files.ts';
import { RUNTIME_DIRECTORY, SERVICE_UNIT, SOCKET_UNIT, UNITS } from './layout.ts';
import type { Step } from './step.ts';

const SOCKET_FILE = UNITS[SOCKET_UNIT];

/** A step that writes the socket's unit. If its settings stay, so does the file's time, by which `isSocketOutdated` judges. */
export function placeSocketUnit(content: () => Buffer): Step {
  const step = placeFile(SOCKET_FILE, content);
  let keepTime: (() => void) | undefined;
  return {
    ...step,
    run() {
      const former = lstatSync(SOCKET_FILE, { throwIfNoEntry: false });
      if (former?.isFile() && settings(readFileSync(SOCKET_FILE)) === settings(content())) {
        keepTime = () => utimesSync(SOCKET_FILE, former.atime, former.mtime);
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
 * Reports whether the socket must be opened again: it is closed, or older than its unit, which an installation that
 * was interrupted may have written.
 */
export function isSocketOutdated(): boolean {
  if (!succeeds('systemctl', 'is-active', '--quiet', SOCKET_UNIT)) return true;
  const shown = command(
    'systemctl',
    'show',
    '--property=ActiveEnterTimestamp',
    '--timestamp=us+utc',
    SOCKET_UNIT,
  );
  const [, day, time] = /(\d+-\d+-\d+) ([\d:]+\.\d{3})\d* UTC/.exec(shown) ?? [];
  return !(lstatSync(SOCKET_FILE).mtimeMs <= Date.parse(`${day}T${time}Z`));
}

/** Starts the daemon, or starts it again. systemctl waits until it is ready; the socket stays open if it can. */
export function* startSteps(): Generator<Step> {
  const units = isMasked(SOCKET_UNIT) ? [SERVICE_UNIT] : [SOCKET_UNIT, SERVICE_UNIT];
  yield enableStep(units);
  if (units.length === 1 || !isSocketOutdated()) {
    yield restartStep(SERVICE_UNIT);
    return;
  }
  // A socket cannot be opened under a daemon that runs without it.
  yield commandStep('systemctl', 'stop', SERVICE_UNIT);
  yield restartStep(...units);
}

/** Undone, it stops and disables what was not enabled before. */
function enableStep(units: string[]): Step {
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
function restartStep(...units: string[]): Step {
  return {
    says: ['systemctl', 'restart', ...units].join(' '),
    run() {
      try {
        restart(units);
      } catch (error) {
        throw new Error(`chimed ${version()} did not become ready: ${messageOf(error)}`, { cause: error });
      }
    },
    isFinal: true,
  };
}

function restart(units: string[]): void {
  try {
    command('systemctl', 'restart', ...units);
  } catch (error) {
    if (wasTried()) throw error;
    command('systemctl', 'restart', ...units);
  }
}

/**
 * Reports whether a start that failed came as far as the daemon. From 200 on, exit codes are systemd's own, for what
 * it could not prepare (systemd.exec(5)): the control group of the former run may be removed at that very moment.
 */
function wasTried(): boolean {
  return Number(command('systemctl', 'show', '--property=ExecMainStatus', '--value', SERVICE_UNIT)) < 200;
}

/** Whoever masks the socket unit wants the daemon to make the socket. */
function isMasked(unit: string): boolean {
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
