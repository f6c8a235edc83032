import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';

import { messageOf } from '../errors.ts';
import { command, succeeds } from './run-program.ts';
import { CURRENT, DAEMON, LIBRARY, SERVICE_UNIT, SOCKET_UNIT, VERSIONS, programOf } from './layout.ts';
import { damageOf } from './root-files.ts';
import { isSocketOutdated } from './start.ts';
import type { InstallStep } from './step.ts';
import { linkedVersion } from './versions.ts';

/** The installation that there was before, and the way back to it. */
export class Former {
  /** How it is called in messages: `chimed 0.1.0-1f2e3d4c`; undefined if there was none. */
  #name: string | undefined;
  /** Why there is no way back to it. */
  #damage: string | undefined;
  #runs = false;

  /** The first step; undone last, it starts again what its later steps have put back. */
  readonly step: InstallStep = {
    says: 'look at what is installed',
    run: () => {
      const linked = linkedVersion();
      if (linked !== undefined) {
        this.#name = `chimed ${basename(linked)}`;
        this.#damage = damageIn(join(VERSIONS, basename(linked)));
      } else if (existsSync(join(LIBRARY, 'dist'))) {
        this.#name = 'chimed 0.1';
        this.#damage = damageIn(LIBRARY);
      }
      this.#runs = succeeds('systemctl', 'is-active', '--quiet', SERVICE_UNIT);
    },
    undo: () => this.#startAgain(),
  };

  /** Whether later steps changed anything that the former version needs. */
  #isTouched = false;

  /** Steps that can be undone only if what was there before can be trusted. */
  *revertible(steps: Iterable<InstallStep>): Generator<InstallStep> {
    for (const step of steps) {
      yield {
        ...step,
        run: () => {
          this.#isTouched = true;
          step.run();
        },
        undo: () => (this.#damage === undefined ? step.undo?.() : undefined),
      };
    }
  }

  #startAgain(): string | undefined {
    if (!this.#isTouched) return undefined;
    if (this.#damage !== undefined) {
      return (
        `${this.#name} was not put back, since another user may have changed it (${this.#damage}). ` +
        'The new version is in its place; journalctl -u chimed says why it does not run.'
      );
    }
    command('systemctl', 'daemon-reload');
    if (this.#name === undefined) return 'Everything that had been installed was removed.';
    if (!this.#runs) return `${this.#name} was put back.`;
    try {
      succeeds('systemctl', 'reset-failed', SOCKET_UNIT, SERVICE_UNIT);
      command('systemctl', 'restart', ...restartable());
    } catch (error) {
      throw new Error(`${this.#name} was put back but does not start: ${messageOf(error)}`, { cause: error });
    }
    return `${this.#name} was put back and runs again.`;
  }
}

/** What is damaged in a copy, or missing from it. The links and copies of the new layout are no part of one of 0.1's. */
function damageIn(copy: string): string | undefined {
  const missing = programOf(copy).find((path) => !existsSync(path));
  return missing === undefined ? damageOf(copy, [VERSIONS, CURRENT]) : `${missing} is missing`;
}

/** The socket too, if its unit was put back; not if it is masked or the daemon made its own. */
function restartable(): string[] {
  const isActive = succeeds('systemctl', 'is-active', '--quiet', SOCKET_UNIT);
  return isActive && isSocketOutdated(DAEMON) ? [SOCKET_UNIT, SERVICE_UNIT] : [SERVICE_UNIT];
}
