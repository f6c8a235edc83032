import { existsSync } from 'node:fs';

import { commandStep, succeeds } from './run-program.ts';
import { isCommandOurs, removal, removalIfEmpty } from './files.ts';
import {
  COMMAND,
  CONFIG_DIRECTORY,
  DROP_INS,
  GROUP,
  LIBRARY,
  RUNTIME_DIRECTORY,
  SERVICE_UNIT,
  SHARED_DIRECTORIES,
  SOCKET_UNIT,
  SYSUSERS,
  UNITS,
  USER,
} from './layout.ts';
import { unfinishedName } from './root-files.ts';
import { installedSharedFiles } from './shared-files.ts';
import type { Step } from './step.ts';

/**
 * What takes the service from this machine again.
 * @param purge The configuration, drop-ins, the user and the group, too.
 */
export function* uninstallSteps(purge: boolean): Generator<Step> {
  if (existsSync(UNITS['chimed.service'])) {
    yield commandStep('systemctl', 'disable', '--now', SOCKET_UNIT, SERVICE_UNIT);
    yield commandStep('systemctl', 'clean', '--what=state', '--what=cache', SERVICE_UNIT);
    yield* removal([RUNTIME_DIRECTORY]);
  }
  yield* removal([...Object.values(UNITS), SYSUSERS].flatMap((path) => [path, unfinishedName(path)]));
  yield* removal(installedSharedFiles());
  for (const directory of SHARED_DIRECTORIES) yield* removalIfEmpty(directory);
  yield* removal([...(isCommandOurs() ? [COMMAND] : []), unfinishedName(COMMAND)]);
  if (purge) {
    yield* removal([CONFIG_DIRECTORY, ...DROP_INS]);
    if (succeeds('getent', 'passwd', '--', USER)) yield commandStep('userdel', USER);
    // userdel removes the group as well, unless it has other members.
    if (succeeds('getent', 'group', '--', GROUP)) yield commandStep('groupdel', GROUP);
  }
  yield commandStep('systemctl', 'daemon-reload');
  // Last: we may be running from it. Version 0.1 left the others when it was interrupted.
  yield* removal([`${LIBRARY}.new`, `${LIBRARY}.old`, LIBRARY]);
}
