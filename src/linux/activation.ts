import { ChimedError } from '../errors.ts';
import { socketAddress, readSocketOption, boundPath } from './libc.ts';

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
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
/** Where the address is in a `struct sockaddr_in` and a `struct sockaddr_in6`. */
const IPV4_AT = 4;
const IPV6_AT = 8;
/** The first byte of 127.0.0.0/8, and ::1. */
const LOOPBACK_NET = 127;
const IPV6_LOOPBACK = Buffer.from([...Array<number>(15).fill(0), 1]);

/** Reports whether the service manager passed descriptors to this very process, see sd_listen_fds(3). */
function isActivated(env: Environment = process.env): boolean {
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
  return { fd: FIRST_FD, path: boundPath(FIRST_FD) };
}

/** A socket that was open before we started, on which several programs' clients may come. */
export interface InheritedListener {
  fd: number;
  /** Else a loopback address. */
  isUnix: boolean;
  /** Path of a Unix socket. */
  path?: string;
}

/**
 * All sockets that the service manager passed. Its variables are removed from the environment.
 * @throws {ChimedError} `cannot-listen` if one is neither a listening Unix stream socket nor one of a loopback address.
 */
export function takeInheritedListeners(env: Environment = process.env): InheritedListener[] {
  const count = isActivated(env) ? Number(env['LISTEN_FDS']) : 0;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name];
  return Array.from({ length: count }, (_, index) => {
    const fd = FIRST_FD + index;
    if (isListening(fd)) return { fd, isUnix: true, path: boundPath(fd) };
    if (isLoopbackListener(fd)) return { fd, isUnix: false };
    throw new ChimedError(
      'cannot-listen',
      'the socket unit passes something else than a listening Unix socket or loopback port; use ListenStream= with a path, or with an address such as 127.0.0.1:8080',
    );
  });
}

function isListening(fd: number): boolean {
  return isStreamListener(fd, AF_UNIX);
}

function isLoopbackListener(fd: number): boolean {
  if (isStreamListener(fd, AF_INET)) return socketAddress(fd)[IPV4_AT] === LOOPBACK_NET;
  return (
    isStreamListener(fd, AF_INET6) &&
    socketAddress(fd)
      .subarray(IPV6_AT, IPV6_AT + IPV6_LOOPBACK.length)
      .equals(IPV6_LOOPBACK)
  );
}

function isStreamListener(fd: number, family: number): boolean {
  const option = (name: number): number =>
    new Int32Array(new Uint8Array(readSocketOption(fd, name, 4)).buffer)[0]!;
  try {
    return option(SO_DOMAIN) === family && option(SO_TYPE) === SOCK_STREAM && option(SO_ACCEPTCONN) === 1;
  } catch {
    return false; // It is no socket at all.
  }
}
