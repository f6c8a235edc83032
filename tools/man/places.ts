import type { Command } from 'commander';

import { SYSTEM_FILE } from '../../src/config/load.ts';
import { locationSchema } from '../../src/config/locations.ts';
import { settingsSchema } from '../../src/config/schema.ts';
import type { Key } from '../../src/config/schema.ts';
import { SYSTEM_PATHS } from '../../src/protocol/paths.ts';
import {
  COMMAND,
  COMPLETIONS,
  CONFIG,
  CONFIG_DIRECTORY,
  CURRENT,
  DROP_INS,
  MANUAL,
  SYSUSERS,
  UNITS,
} from '../../src/service/layout.ts';
import { fromInline } from './markdown.ts';

/** A name or a path, and what is said of it. */
type Entry = [what: string, meaning: string[]];

/** The variables of the environment that a command reads. */
export function variablesOf(commands: readonly Command[]): Entry[] {
  const { config, socket } = locationSchema;
  const has = featuresOf(commands);
  return [
    ...(has.config ? [[config.env, fromInline(config.doc)] satisfies Entry] : []),
    ...(has.socket ? [[socket.env, fromInline(socket.doc)] satisfies Entry] : []),
    ...(has.settings ? settingVariables().filter(([name]) => name !== socket.env) : []),
  ];
}

/** The variables that overrule settings of the configuration. */
export function settingVariables(): Entry[] {
  return Object.entries(settingsSchema).flatMap(([part, keys]) =>
    Object.entries<Key>(keys).flatMap(([name, { env }]): Entry[] =>
      env ? [[env, fromInline(`Overrules \`${part}.${name}\` of the configuration.`)]] : [],
    ),
  );
}

/** The files that a command reads, writes or looks for. */
export function filesOf(commands: readonly Command[]): Entry[] {
  const has = featuresOf(commands);
  return [
    ...(has.config ? configFiles : []),
    ...(has.socket ? socketFiles : []),
    ...(has.service ? serviceFiles : []),
  ];
}

export const configFiles: readonly Entry[] = [
  [
    SYSTEM_FILE,
    fromInline('The configuration of the machine. Without it, one that comes with chimed is used.'),
  ],
  [`${CONFIG_DIRECTORY}/conf.d/*.yaml`, fromInline('Files that add topics to it.')],
];

const socketFiles: readonly Entry[] = [
  [SYSTEM_PATHS[0]!, fromInline("The socket of the machine's daemon.")],
  [SYSTEM_PATHS[1]!, fromInline('The same, where the unit `chimed.socket` is masked.')],
  [
    '$XDG_RUNTIME_DIR/chimed/chimed.sock',
    fromInline(
      "The socket of a user's own daemon. Without that variable, it is in `/run/user/UID/chimed`, else in `chimed-UID` below the directory for temporary files. Clients of that user look there first.",
    ),
  ],
];

const serviceFiles: readonly Entry[] = [
  [CURRENT, fromInline('The installed copy.')],
  [COMMAND, fromInline('The command.')],
  [CONFIG, fromInline('The configuration. It stays when chimed is upgraded or removed.')],
  ...Object.values(UNITS).map((path): Entry => [path, fromInline('A unit of systemd.')]),
  ...DROP_INS.map((path): Entry => [path, fromInline('Your changes to it, made by `systemctl edit`.')]),
  [`${MANUAL}/man*/chimed*`, fromInline('The manual pages.')],
  ...Object.values(COMPLETIONS).map((path): Entry => [path, fromInline('The completion of a shell.')]),
  [SYSUSERS, fromInline('The users and groups of the daemon, the gateway and the bridge.')],
];

interface Features {
  config: boolean;
  settings: boolean;
  socket: boolean;
  service: boolean;
}

/** What commands have to do with, by their options and arguments. */
function featuresOf(commands: readonly Command[]): Features {
  const flags = commands.flatMap((command) => command.options.map(({ long }) => long));
  const names = commands.map((command) => command.name());
  const reads = names.includes('check');
  return {
    config: flags.includes('--config') || reads,
    settings: names.includes('serve') || reads,
    socket: flags.includes('--socket'),
    service: names.includes('service'),
  };
}
