import { existsSync } from 'node:fs';

import { command, commandStep, succeeds } from './run-program.ts';
import { isCommandOurs, removal, removalIfEmpty } from './files.ts';
import {
  ACCOUNTS,
  COMMAND,
  CONFIG,
  CONFIG_DIRECTORY,
  DROP_INS,
  LIBRARY,
  NATS_CREDENTIALS,
  NATS_SERVICE_UNIT,
  RUNTIME_DIRECTORY,
  SERVICE_UNIT,
  SHARED_DIRECTORIES,
  SYSUSERS,
  UNITS,
  WEB_SERVICE_UNIT,
  WEB_TOKEN,
  programOf,
  unitNames,
} from './layout.ts';
import type { Unit } from './layout.ts';
import { PACKAGED } from './packaged.ts';
import { unfinishedName } from './root-files.ts';
import { installedSharedFiles } from './shared-files.ts';
import type { InstallStep } from './step.ts';

/**
 * What takes the service from this machine again.
 * @param purge The configuration, drop-ins, the gateway's token, the bridge's credentials, the users and the groups, too.
 */
export function* uninstallSteps(purge: boolean): Generator<InstallStep> {
  if (existsSync(UNITS['chimed.service'])) {
    yield commandStep('systemctl', 'disable', '--now', ...installedUnits());
    yield commandStep('systemctl', 'clean', '--what=state', '--what=cache', SERVICE_UNIT);
    yield* removal([RUNTIME_DIRECTORY]);
  }
  yield* unitRemoval();
  if (purge) {
    yield* removal([CONFIG_DIRECTORY, ...DROP_INS, WEB_TOKEN, NATS_CREDENTIALS]);
    for (const account of ACCOUNTS) {
      if (succeeds('getent', 'passwd', '--', account)) yield commandStep('userdel', account);
      // userdel removes the group as well, unless it has other members.
      if (succeeds('getent', 'group', '--', account)) yield commandStep('groupdel', account);
    }
  }
  yield commandStep('systemctl', 'daemon-reload');
  yield* libraryRemoval();
}

/** Reports whether anything is there that `service install` has put on this machine. */
export function isInstalled(): boolean {
  return [LIBRARY, ...Object.values(UNITS)].some((path) => existsSync(path));
}

/**
 * What hands a service of `service install` over to the Debian package: its units hide the package's. The configuration,
 * the state, the user and the group stay, and so does the socket, so that no client is refused.
 */
export function* handOverSteps(): Generator<InstallStep> {
  if (existsSync(CONFIG)) {
    // Before anything is removed: what runs must not be given up for a version that does not start.
    yield { says: `check ${CONFIG}`, run: () => void command(...programOf(PACKAGED), 'check', CONFIG) };
  }
  const enabled = installedUnits().filter((unit) => succeeds('systemctl', 'is-enabled', '--quiet', unit));
  yield* unitRemoval();
  yield commandStep('systemctl', 'daemon-reload');
  if (enabled.length > 0) yield commandStep('systemctl', 'reenable', ...enabled);
  yield commandStep('systemctl', 'try-restart', SERVICE_UNIT, WEB_SERVICE_UNIT, NATS_SERVICE_UNIT);
  yield* libraryRemoval();
}

/** An older version has not all of them. */
function installedUnits(): Unit[] {
  return unitNames.filter((unit) => existsSync(UNITS[unit]));
}

function* unitRemoval(): Generator<InstallStep> {
  yield* removal([...Object.values(UNITS), SYSUSERS].flatMap((path) => [path, unfinishedName(path)]));
  yield* removal(installedSharedFiles());
  for (const directory of SHARED_DIRECTORIES) yield* removalIfEmpty(directory);
  yield* removal([...(isCommandOurs() ? [COMMAND] : []), unfinishedName(COMMAND)]);
}

/** The last step: we may be running from it. Version 0.1 left the others when it was interrupted. */
function* libraryRemoval(): Generator<InstallStep> {
  yield* removal([`${LIBRARY}.new`, `${LIBRARY}.old`, LIBRARY]);
}
