/** What libc does with processes, and Node has no way to ask for. */
import koffi from 'koffi';

if (process.platform !== 'linux') throw new Error('only Linux has these calls');

const PR_SET_PDEATHSIG = 1;
const PR_SET_CHILD_SUBREAPER = 36;
const SIGKILL = 9;
const P_PID = 1;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x1000000;
const SIGINFO_BYTES = 128;
const RLIMIT_DATA = 2;
const ITIMER_REAL = 0;

const libc = koffi.load(null);
const prctl = libc.func('int prctl(int option, ulong a, ulong b, ulong c, ulong d)');
const waitpid = libc.func('int waitpid(int pid, void *status, int options)');
const waitid = libc.func('int waitid(int type, uint32_t id, void *info, int options)');
const prlimit = libc.func('int prlimit(int pid, int resource, const uint64_t *limits, void *old)');
const setitimer = libc.func('int setitimer(int which, const long *timer, void *old)');
const exitProcess = libc.func('void _exit(int code)');

/**
 * prctl(2) `PR_SET_CHILD_SUBREAPER`: processes whose parent has ended become our children, if we are among their
 * ancestors. Without it, they become children of pid 1.
 */
export function adoptOrphans(): void {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) !== 0) throw new Error('prctl failed');
}

/**
 * prctl(2) `PR_SET_PDEATHSIG`: has the kernel kill this process when the thread that started it ends, however it ends.
 */
export function endWithParent(): void {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

/**
 * waitid(2) without waiting: reports whether a child has ended, and leaves it in the process table. `/proc/PID/stat` tells
 * the same, but has a reader wait, for up to 400 ms, while that process starts or ends on a busy machine.
 */
export function hasEnded(pid: number): boolean {
  info.fill(0);
  const failed = waitid(P_PID, pid, info, WEXITED | WNOHANG | WNOWAIT) !== 0;
  return failed || info[0] !== 0; // `si_signo`
}
const info = new Int32Array(SIGINFO_BYTES / Int32Array.BYTES_PER_ELEMENT);

/** waitpid(2) without waiting: removes a child that has ended from the process table. */
export function reap(pid: number): void {
  waitpid(pid, null, WNOHANG);
}

/**
 * prlimit(2) `RLIMIT_DATA`: bounds the memory that a process can write to, in bytes. Allocations beyond it fail. Does
 * nothing if the system refuses it.
 */
export function limitData(pid: number, bytes: number): void {
  prlimit(pid, RLIMIT_DATA, new BigUint64Array([BigInt(bytes), BigInt(bytes)]), null);
}

/** setitimer(2): has the kernel end this process (SIGALRM) after some time, whatever its threads are doing then. */
export function endAfter(ms: number): void {
  const words = BigInt64Array.of(0n, 0n, BigInt(Math.floor(ms / 1000)), BigInt((ms % 1000) * 1000));
  setitimer(ITIMER_REAL, words, null);
}

/** _exit(2): ends the process at once. Waits for no thread; runs no handlers. */
export function exitNow(code: number): never {
  exitProcess(code);
  throw new Error('_exit has returned');
}
