import koffi from 'koffi';

/** A call that the kernel refused. `code` is the name of its errno, as in Node's own errors. */
export class SystemError extends Error {
  readonly code: string;

  /** @param errno What the call says went wrong. @default what it has left in `errno` */
  constructor(call: string, errno = koffi.errno()) {
    const code =
      Object.keys(koffi.os.errno).find((name) => koffi.os.errno[name] === errno) ?? `errno ${errno}`;
    super(`${call} failed: ${code}`);
    this.code = code;
  }
}
