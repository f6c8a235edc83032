import { ChimedError } from '../errors.ts';
import { socketOption, socketPath } from './libc.ts';

type Environment = Record<string, string | undefined>;

/** A listening socket that was open before we started. */
export interface InheritedSocket {
  fd: number;
  path: string;
}

/** The first descriptor after stdin, stdout and stderr. */
const FIRST_FD = 3;
const SO_TYPE = 3;
const SO_ACCEPTCONN = 30;
const SO_DOMAIN = 39;
const AF_UNIX = 1;
const SOCK_STREAM = 1;

/** Reports whether the service manager passed descriptors to this very process, see sd_listen_fds(3). */
export function isActivated(env: Environment = process.env): boolean {
  return Number(env['LISTEN_PID']) === process.pid && Number(env['LISTEN_FDS']) > 0;
}

/**
 * The socket that the service manager passed. Its variables are removed from the environment: they are not
 * for our children.
 * @throws {ChimedError} `cannot-listen` if it passed several, or something that we cannot listen on.
 */
export function takeInheritedSocket(env: Environment = process.env): InheritedSocket | undefined {
  const count = isActivated(env) ? Number(env['LISTEN_FDS']) : 0;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name];
  if (count === 0) return undefined;
  if (count > 1) {
    throw new ChimedError(
      'cannot-listen',
      `the socket unit passes ${count} sockets, but chimed takes one; leave one Listen line in it`,
    );
  }
  if (!isListening(FIRST_FD)) {
    throw new ChimedError(
      'cannot-listen',
      'the socket unit passes something else than a listening Unix stream socket; use ListenStream= with a path',
    );
  }
  return { fd: FIRST_FD, path: socketPath(FIRST_FD) };
}

function isListening(fd: number): boolean {
  const option = (name: number): number =>
    new Int32Array(new Uint8Array(socketOption(fd, name, 4)).buffer)[0]!;
  try {
    return option(SO_DOMAIN) === AF_UNIX && option(SO_TYPE) === SOCK_STREAM && option(SO_ACCEPTCONN) === 1;
  } catch {
    return false; // It is no socket at all.
  }
}
