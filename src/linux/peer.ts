import { systemCode } from '../errors.ts';
import { readSocketOption } from './libc.ts';

const SO_PEERCRED = 17;
const SO_PEERGROUPS = 59;
/** `struct ucred`: pid, uid and gid. */
const CREDENTIALS_BYTES = 12;
const GID_BYTES = 4;
/** NGROUPS_MAX: a process cannot have more. */
const MOST_GROUPS = 65_536;

if (process.platform !== 'linux') throw new Error('only Linux tells who is at the other end of a socket');

/** Who is at the other end of a Unix socket, as the kernel knows it from the moment of `connect`. */
export interface Peer {
  /** 0 if it lives in a namespace that we cannot look into. */
  pid: number;
  uid: number;
  gid: number;
  /** Its supplementary groups. */
  groups: readonly number[];
}

/**
 * The peer of a connected socket, by SO_PEERCRED and SO_PEERGROUPS, see unix(7).
 * @throws if this kernel does not tell.
 */
export function peerOf(fd: number): Peer {
  const credentials = integers(readSocketOption(fd, SO_PEERCRED, CREDENTIALS_BYTES));
  const [pid, uid, gid] = credentials;
  if (pid === undefined || uid === undefined || gid === undefined) {
    throw new Error('the kernel does not tell who is at the other end of a socket');
  }
  return { pid, uid, gid, groups: supplementaryGroups(fd) };
}

function supplementaryGroups(fd: number): number[] {
  try {
    return integers(readSocketOption(fd, SO_PEERGROUPS, 64 * GID_BYTES));
  } catch (error) {
    if (systemCode(error) === 'ERANGE')
      return integers(readSocketOption(fd, SO_PEERGROUPS, MOST_GROUPS * GID_BYTES));
    if (systemCode(error) === 'ENOPROTOOPT') return []; // Linux before 4.13 does not tell.
    throw error;
  }
}

function integers(bytes: Buffer): number[] {
  return [...new Uint32Array(new Uint8Array(bytes).buffer)];
}
