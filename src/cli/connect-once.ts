import { InvalidArgumentError, Option } from 'commander';

import type { Client } from '../client/api.ts';
import type { ConnectOptions } from '../client/options.ts';

/** The option that every command has that talks to a daemon. */
export function socketOption(): Option {
  return new Option(
    '-s, --socket <path>',
    "path of the daemon's socket (default: $CHIMED_SOCKET_PATH, then the usual paths)",
  ).argParser(socketPath);
}

/** Reads the path of a socket; an empty one, as of a variable that is not set, would mean its usual place. */
export function socketPath(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

/** The socket that the command line or the environment names; without one, the library looks in the usual places. */
export async function socketToUse(named: string | undefined): Promise<{ socket?: string }> {
  if (named !== undefined) return { socket: named };
  const { locations } = await import('../config/locations.ts');
  const { socket } = locations();
  return socket === undefined ? {} : { socket };
}

/** Connects once, for one question; there is no waiting for a daemon that is not there. */
export async function connectOnce(
  command: string,
  socket: string | undefined,
  options: Pick<ConnectOptions, 'timeoutMs'> = {},
): Promise<Client> {
  // Imported here, so that --help and the commands that talk to nobody do not load it.
  const { connect } = await import('../client/client.ts');
  return connect({
    name: `chimed ${command}`,
    retry: false,
    ...(await socketToUse(socket)),
    ...options,
  });
}
