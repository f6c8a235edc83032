import { Option } from 'commander';

import { connect } from '../client/client.ts';
import type { Client } from '../client/client.ts';

/** The option that every command has that talks to a daemon. */
export function socketOption(): Option {
  return new Option(
    '-s, --socket <path>',
    "path of the daemon's socket (default: $CHIMED_SOCKET_PATH, else its usual place)",
  );
}

/** Connects once, for one question; there is no waiting for a daemon that is not there. */
export function connectOnce(command: string, socket: string | undefined): Client {
  return connect({ name: `chimed ${command}`, retry: false, ...(socket !== undefined && { socket }) });
}
