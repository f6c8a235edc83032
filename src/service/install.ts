import { existsSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { ChimedError, messageOf } from '../errors.ts';
import { version } from '../version.ts';
import { command, commandStep, succeeds } from './command.ts';
import { copyPackage, exchange } from './copy.ts';
import { productionDependencies } from './dependencies.ts';
import { isFreeFor, placeFile, placeScript } from './files.ts';
import {
  COMMAND,
  COMMAND_SCRIPT,
  CONFIG,
  LIBRARY,
  PACKAGE,
  SERVICE_UNIT,
  SOCKET_UNIT,
  SYSUSERS,
  UNITS,
  programOf,
} from './layout.ts';
import type { Step } from './step.ts';

/** Where the copy is until it is finished. */
const UNFINISHED = `${LIBRARY}.new`;

/**
 * What puts chimed on this machine as a service, or a newer chimed in the place of an older one. What could
 * fail comes before anything that the running daemon needs is touched.
 */
export function* installSteps(): Generator<Step> {
  const packages = productionDependencies(PACKAGE).length;
  yield {
    says: `copy chimed ${version()}, ${packages} packages and Node ${process.version} to ${LIBRARY}`,
    run: () => copyPackage(UNFINISHED),
  };
  yield placeFile(join(PACKAGE, 'systemd/chimed.sysusers'), SYSUSERS);
  yield commandStep('systemd-sysusers', SYSUSERS);
  if (existsSync(CONFIG)) {
    yield { says: `check ${CONFIG}, which stays`, run: checkConfig };
  } else yield placeFile(join(PACKAGE, 'config/service.yaml'), CONFIG);

  yield { says: `replace ${LIBRARY}`, run: () => exchange(UNFINISHED, LIBRARY) };
  if (isFreeFor(COMMAND, COMMAND_SCRIPT)) yield placeScript(COMMAND, COMMAND_SCRIPT);
  else yield { says: `leave ${COMMAND} alone, which somebody else has put there`, run() {} };
  for (const [name, unit] of Object.entries(UNITS)) yield placeFile(join(PACKAGE, 'systemd', name), unit);
  yield commandStep('systemctl', 'daemon-reload');
  yield* startSteps();
}

/** @throws {ChimedError} `bad-config` if this version would not take the configuration that is there. */
function checkConfig(): void {
  try {
    command(...programOf(UNFINISHED), 'check', CONFIG);
  } catch (error) {
    rmSync(UNFINISHED, { recursive: true });
    throw new ChimedError(
      'bad-config',
      `chimed ${version()} would not start with this configuration, so nothing was changed: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** Starts the daemon, or starts it again: its socket stays open meanwhile, and systemctl waits for READY. */
function* startSteps(): Generator<Step> {
  const units = isMasked(SOCKET_UNIT) ? [SERVICE_UNIT] : [SOCKET_UNIT, SERVICE_UNIT];
  yield commandStep('systemctl', 'enable', ...units);
  const hasSocket = succeeds('systemctl', 'is-active', '--quiet', SOCKET_UNIT);
  // A socket cannot be opened under a daemon that runs without it.
  if (!hasSocket) yield commandStep('systemctl', 'stop', SERVICE_UNIT);
  yield commandStep('systemctl', 'restart', SERVICE_UNIT);
}

/** Whoever masks the socket unit wants the daemon to make the socket. */
function isMasked(unit: string): boolean {
  const override = join('/etc/systemd/system', unit);
  return existsSync(override) && realpathSync(override) === '/dev/null';
}
