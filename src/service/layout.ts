import { dirname, join, resolve } from 'node:path';

/** The package that we run from: what is installed is a copy of it. */
export const PACKAGE = resolve(import.meta.dirname, '../..');

/** Packages that are not in our bundles: what is not JavaScript. */
export const UNBUNDLED: readonly string[] = ['koffi'];

/** Where the copies are. Each needs nothing outside itself: neither npm, nor the Node of whoever installed it. */
export const LIBRARY = '/usr/local/lib/chimed';
/** One directory a copy. What a process runs from stays until it has ended. */
export const VERSIONS = join(LIBRARY, 'versions');
/** A link to the copy that is started next; replacing it is the upgrade. */
export const CURRENT = join(LIBRARY, 'current');
export const CONFIG_DIRECTORY = '/etc/chimed';
export const CONFIG = join(CONFIG_DIRECTORY, 'chimed.yaml');
/** Where the socket is. */
export const RUNTIME_DIRECTORY = '/run/chimed';

export const SOCKET_UNIT = 'chimed.socket';
export const SERVICE_UNIT = 'chimed.service';
/** The gateway's units: off until an administrator enables them. */
const WEB_SOCKET_UNIT = 'chimed-web.socket';
export const WEB_SERVICE_UNIT = 'chimed-web.service';
/** The bridge's unit, which is off as well. */
export const NATS_SERVICE_UNIT = 'chimed-nats.service';
/** The users of the daemon, the gateway and the bridge; each has a group of the same name. */
export const ACCOUNTS = ['chimed', 'chimed-web', 'chimed-nats'] as const;

const UNIT_DIRECTORY = '/usr/local/lib/systemd/system';
/** The units' places, by their names in the package; those in /etc are left to who runs the machine. */
export const UNITS = {
  [SERVICE_UNIT]: join(UNIT_DIRECTORY, SERVICE_UNIT),
  [SOCKET_UNIT]: join(UNIT_DIRECTORY, SOCKET_UNIT),
  [WEB_SERVICE_UNIT]: join(UNIT_DIRECTORY, WEB_SERVICE_UNIT),
  [WEB_SOCKET_UNIT]: join(UNIT_DIRECTORY, WEB_SOCKET_UNIT),
  [NATS_SERVICE_UNIT]: join(UNIT_DIRECTORY, NATS_SERVICE_UNIT),
} as const;
export type Unit = keyof typeof UNITS;
export const unitNames = Object.keys(UNITS) as Unit[];
/** A socket, and the service that it starts. */
export interface Pair {
  socket: Unit;
  service: Unit;
}
export const DAEMON: Pair = { socket: SOCKET_UNIT, service: SERVICE_UNIT };
export const WEB: Pair = { socket: WEB_SOCKET_UNIT, service: WEB_SERVICE_UNIT };
/** Where an administrator puts the token of the gateway's loopback port. */
export const WEB_TOKEN = '/etc/credstore/chimed-web-token';
/** Where an administrator puts the bridge's credentials for the NATS servers. */
export const NATS_CREDENTIALS = '/etc/credstore/chimed-nats-creds';
export const SYSUSERS = '/usr/local/lib/sysusers.d/chimed.conf';
export const MANUAL = '/usr/local/share/man';
export const MANUAL_SECTIONS = ['man1', 'man5', 'man7'] as const;
/** The places where shells look for completions, by the names of the scripts in `dist/completions`. */
export const COMPLETIONS = {
  'chimed.bash': '/usr/local/share/bash-completion/completions/chimed',
  _chimed: '/usr/local/share/zsh/site-functions/_chimed',
  'chimed.fish': '/usr/local/share/fish/vendor_completions.d/chimed.fish',
} as const;
/** Directories for files of many programs, inner ones first: ours may have been the only ones. */
export const SHARED_DIRECTORIES = [
  UNIT_DIRECTORY,
  dirname(UNIT_DIRECTORY),
  '/usr/local/lib/sysusers.d',
  ...MANUAL_SECTIONS.map((section) => join(MANUAL, section)),
  ...Object.values(COMPLETIONS).flatMap((path) => [dirname(path), dirname(dirname(path))]),
];
export const DROP_INS = unitNames.map((unit) => `/etc/systemd/system/${unit}.d`);

/** What makes the copy a command. */
export const COMMAND = '/usr/local/bin/chimed';
export const COMMAND_SCRIPT = commandScript(
  CURRENT,
  'Installed by chimed service install, which replaces this file.',
);
/** Tells a command script of ours, also that of version 0.1, which has no comment. */
export const COMMAND_MARKER = /^(# Installed by chimed service install|exec \/usr\/local\/lib\/chimed\/)/m;

/** A script that runs the program of a copy. */
export function commandScript(library: string, comment: string): string {
  return `#!/bin/sh
# ${comment}
exec ${programOf(library).join(' ')} "$@"
`;
}

/** How a copy's program is called. */
export function programOf(library: string): [node: string, main: string] {
  return [join(library, 'bin/node'), join(library, 'dist/cli/main.js')];
}
