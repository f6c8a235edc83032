import { ChimedError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

/** Exit codes, after sysexits.h. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 64,
  noDaemon: 69,
  notPermitted: 77,
  config: 78,
} as const;

/** What they mean, for manual pages. */
export const exitMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: 'done, or stopped by a signal',
  failure: 'failed; the message on standard error says why',
  usage: 'wrong usage',
  noDaemon: 'no daemon, or none that answers or has room',
  notPermitted: 'not permitted',
  config: 'mistakes in the configuration',
};

const byError: Partial<Record<ErrorCode, number>> = {
  'bad-request': exitCodes.usage,
  'no-daemon': exitCodes.noDaemon,
  'connection-lost': exitCodes.noDaemon,
  busy: exitCodes.noDaemon,
  timeout: exitCodes.noDaemon,
  'too-many-clients': exitCodes.noDaemon,
  'too-many-connections': exitCodes.noDaemon,
  'too-fast': exitCodes.noDaemon,
  'not-permitted': exitCodes.notPermitted,
  'not-allowed': exitCodes.notPermitted,
  'bad-config': exitCodes.config,
};

/** The exit code for anything that was thrown. */
export function exitCodeOf(error: unknown): number {
  return (error instanceof ChimedError && byError[error.code]) || exitCodes.failure;
}

/** Reports whether a daemon may answer again in a moment, as after a restart. */
export function isPassing(error: unknown): error is ChimedError {
  return error instanceof ChimedError && exitCodeOf(error) === exitCodes.noDaemon;
}

/** How the process ends: its exit code, and the function that ends it, if it is not `process.exit`. */
export interface Ending {
  exitCode: number;
  exit?: ((exitCode: number) => void) | undefined;
}

/** Sets how the process ends. */
export type Finish = (exitCode: number, exit?: Ending['exit']) => void;
