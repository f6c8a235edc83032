import koffi from 'koffi';

const LOCK_EX = 2;
const LOCK_NB = 4;

// The process's own symbols: libc is among them, whatever its file is called.
const libc = koffi.load(null);
const flockCall = libc.func('int flock(int fd, int operation)');

/**
 * flock(2): takes an exclusive lock on an open file without waiting. The kernel drops it when the process
 * ends, however it ends. Reports whether we have it now.
 */
export function flock(fd: number): boolean {
  if (flockCall(fd, LOCK_EX | LOCK_NB) === 0) return true;
  const errno = koffi.errno();
  if (errno === koffi.os.errno['EWOULDBLOCK']) return false;
  throw new Error(`flock failed with errno ${errno}`);
}
