import { isatty } from 'node:tty';

/** Standard input, output and error. */
const STREAMS = [0, 1, 2];

/**
 * Tells a SIGHUP that the kernel sends because the terminal was closed from one that a person sends: a terminal that was
 * closed is none any more.
 * @returns a function that reports whether the process was started in a terminal that has been closed since.
 */
export function watchTerminal(): () => boolean {
  const terminals = STREAMS.filter(isatty);
  return () => terminals.length > 0 && !terminals.some(isatty);
}
