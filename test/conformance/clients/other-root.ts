import { spawnSync } from 'node:child_process';

import { shellQuoted } from '../../../src/cli/shell-quoted.ts';
import { root } from '../../helpers/program.ts';

/** A user without rights. */
export const UID = 54_321;

let reason: string | undefined | null = null;

/** Why no process can be given another /run and another user; undefined if one can. */
export function noNamespaces(): string | undefined {
  if (reason === null) reason = findReason();
  return reason;
}

function findReason(): string | undefined {
  if (process.getuid!() !== 0) return 'another /run and another user need root';
  const readable = ['test', '-r', `${root}/package.json`];
  const { status } = spawnSync('unshare', ['--mount', 'setpriv', ...ids(UID), ...readable], {
    stdio: 'ignore',
  });
  return status === 0
    ? undefined
    : `unshare and setpriv do not work here, or other users cannot read ${root}`;
}

/** A command that runs another one as a user, with `run` in the place of /run. */
export function asUser(uid: number, run: string, command: string): string {
  const user = uid === 0 ? '' : `setpriv ${ids(uid).join(' ')} `;
  const mounted = `mount --bind ${shellQuoted(run)} /run && exec ${user}sh -c "$0"`;
  return `exec unshare --mount -- sh -c ${shellQuoted(mounted)} ${shellQuoted(command)}`;
}

function ids(uid: number): string[] {
  return [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--'];
}
