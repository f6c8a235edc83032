import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

import { ChimedError, messageOf } from '../errors.ts';
import { version } from '../protocol/version.ts';
import { command, commandStep } from './run-program.ts';
import { copyPackage } from './copy.ts';
import { isCommandOurs, placeFile, removal, removeIfEmpty } from './files.ts';
import { Former } from './former.ts';
import {
  COMMAND,
  COMMAND_SCRIPT,
  CONFIG,
  CONFIG_DIRECTORY,
  LIBRARY,
  SYSUSERS,
  VERSIONS,
  programOf,
  unitNames,
} from './layout.ts';
import type { InstallerLibc } from './installer-libc.ts';
import { Places } from './install-places.ts';
import { removeTree } from './root-files.ts';
import { outdatedPages, sharedFileSteps } from './shared-files.ts';
import { placeUnit, restartCompanionSteps, startSteps } from './start.ts';
import type { InstallStep } from './step.ts';
import { linkedVersion, pruneSteps, switchTo } from './versions.ts';

/**
 * What puts chimed on this machine as a service, or a newer chimed in the place of an older one. What could be
 * refused comes first; what follows is undone if the new version does not become ready. After each step the machine
 * has a chimed that starts, if it had one before.
 */
export function* installSteps(libc: InstallerLibc): Generator<InstallStep> {
  const places = new Places(libc);
  const former = new Former();
  const copy = join(VERSIONS, `${version()}-${randomBytes(4).toString('hex')}`);
  yield former.step;
  yield {
    says: `copy chimed ${version()} and Node ${process.version} to ${copy}`,
    run: () => {
      places.prepare();
      copyPackage(copy, libc);
    },
    undo() {
      if (linkedVersion() !== relative(LIBRARY, copy)) removeTree(copy);
      for (const directory of [VERSIONS, LIBRARY]) removeIfEmpty(directory);
      return undefined;
    },
  };
  if (existsSync(CONFIG)) yield { says: `check ${CONFIG}, which stays`, run: () => checkConfig(copy) };
  yield* former.revertible(commitSteps(copy, places));
  yield* restartCompanionSteps();
  yield* pruneSteps(copy);
  yield* removal(outdatedPages());
}

function* commitSteps(copy: string, places: Places): Generator<InstallStep> {
  // From the copy, which is checked, and not from where it was made of.
  const packaged = (path: string) => () => readFileSync(join(copy, path));
  yield placeFile(SYSUSERS, packaged('systemd/chimed.sysusers'));
  yield commandStep('systemd-sysusers', SYSUSERS);
  yield {
    says: `make ${CONFIG_DIRECTORY} root's`,
    run: () => places.prepareConfig(),
    undo: () => void removeIfEmpty(CONFIG_DIRECTORY),
  };
  if (!existsSync(CONFIG)) yield placeFile(CONFIG, packaged('config/service.yaml'));
  // Before the units, which start what the link leads to. Those of version 0.1 start what is beside it.
  yield switchTo(copy);
  if (isCommandOurs()) yield placeFile(COMMAND, () => COMMAND_SCRIPT, 0o755);
  else yield { says: `keep ${COMMAND}, which was not installed by chimed`, run() {} };
  yield* sharedFileSteps(copy);
  for (const unit of unitNames) yield placeUnit(unit, packaged(join('systemd', unit)));
  yield commandStep('systemctl', 'daemon-reload');
  yield* startSteps();
}

/** @throws {ChimedError} `bad-config` if the version in the copy does not accept the configuration that is there. */
function checkConfig(copy: string): void {
  try {
    command(...programOf(copy), 'check', CONFIG);
  } catch (error) {
    throw new ChimedError(
      'bad-config',
      `Upgrade cancelled; nothing was changed. chimed ${version()} rejects the configuration: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
