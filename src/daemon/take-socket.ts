import type { Config } from '../config/config.ts';
import { ChimedError, messageOf } from '../errors.ts';
import { lookUpGroups } from '../linux/accounts.ts';
import type { InheritedSocket } from '../linux/activation.ts';
import type { Logger } from '../log.ts';
import { claimSocket, inheritSocket } from '../transport/socket-file.ts';
import type { SocketFile } from '../transport/socket-file.ts';

/** The socket that the service manager passed, else the one at our own path. */
export async function takeSocket(
  config: Config,
  logger: Logger,
  inherited?: InheritedSocket,
): Promise<SocketFile> {
  const { group, ...options } = config.socket;
  if (inherited) return inheritSocket(inherited, options.backlog);
  const gid = group === undefined ? {} : { gid: socketGroupId(group) };
  return claimSocket({ ...options, ...gid, logger });
}

function socketGroupId(group: string): number {
  try {
    return lookUpGroups([group])(group);
  } catch (error) {
    throw new ChimedError('bad-config', `socket.group: ${messageOf(error)}`, { cause: error });
  }
}
