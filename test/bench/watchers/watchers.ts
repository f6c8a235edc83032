import { join } from 'node:path';

import type { Entrant } from '../entrant.ts';
import type { Need } from '../needs.ts';
import type { Place } from '../place.ts';

/** Programs that each want to know the same value once a second, and the daemon, if any, that tells them. */
export interface Watchers extends Entrant {
  /** The command that runs the daemon in the foreground, on the place's Unix socket. Absent if there is no daemon. */
  daemon?(place: Place, command: readonly string[]): readonly string[];
  /**
   * The command that runs one of the programs. It prints a line for each value that it sees.
   * @param command What a program or the daemon runs to get the value.
   */
  program(place: Place, command: readonly string[]): readonly string[];
}

/** Debian's, which has PCP's modules; not one that comes first in PATH. */
export const PYTHON = '/usr/bin/python3';
export const python: Need = { path: PYTHON, package: 'python3' };

export function programPath(name: string): string {
  return join(import.meta.dirname, '../programs', name);
}
