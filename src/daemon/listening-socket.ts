import type { Config } from '../config/config.ts';
import { ChimedError, messageOf } from '../errors.ts';
import { lookUpGroups } from '../linux/accounts.ts';
import type { InheritedSocket } from '../linux/activation.ts';
import type { EventLog } from '../log-events.ts';
import { claimSocket, inheritSocket } from '../transport/claim-socket.ts';
import type { SocketFile } from '../transport/socket-file.ts';

/** The socket that the service manager passed, else the one at our own path. */
export async function listeningSocket(
  config: Config,
  logger: EventLog,
  inherited?: InheritedSocket,
): Promise<SocketFile> {
  const { group, ...options } = config.socket;
  if (inherited) {
    warnOfIdleSettings(config, logger);
    return inheritSocket(inherited, options.backlog);
  }
  const gid = group === undefined ? {} : { gid: socketGroupId(group) };
  return claimSocket({ ...options, ...gid, setting: 'socket.path', logger });
}

function socketGroupId(group: string): number {
  try {
    return lookUpGroups([group])(group);
  } catch (error) {
    throw new ChimedError('bad-config', `socket.group: ${messageOf(error)}`, { cause: error });
  }
}

/** What the socket unit decides, and by which of its settings. */
const directives = { path: 'ListenStream=', mode: 'SocketMode=', group: 'SocketGroup=' } as const;

/** Names the settings that the file sets and the socket unit overrides. */
function warnOfIdleSettings({ file, socketKeys = [] }: Config, logger: EventLog): void {
  if (socketKeys.length === 0) return;
  logger.warn(
    {
      event: 'settings-without-effect',
      config: file,
      settings: socketKeys.map((key) => `socket.${key}`),
      use: socketKeys.map((key) => directives[key]),
    },
    'these settings have no effect: systemd makes the socket; set it up with `systemctl edit chimed.socket`',
  );
}
