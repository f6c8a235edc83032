import { constants } from 'node:os';

import { messageOf } from '../errors.ts';
import type { EventLog } from '../log-events.ts';
import { exitCodes } from './exit-codes.ts';
import { readableStack } from './origin.ts';

/** What has the daemon stop. */
export interface StopCauses {
  /** Stops as a signal does: the terminal was closed. */
  hangUp: () => void;
  /** Resolves when there is a reason to stop. */
  first: Promise<{ reason: string; exitCode: number }>;
  /** Resolves with an exit code when a second signal asks to end at once. */
  second: Promise<number>;
}

/** Listens for signals, and for mistakes of ours that nothing else has caught. */
export function stopCauses(logger: EventLog): StopCauses {
  const first = Promise.withResolvers<{ reason: string; exitCode: number }>();
  const second = Promise.withResolvers<number>();
  let signals = 0;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      first.resolve({ reason: signal, exitCode: exitCodes.ok });
      if (++signals === 1) return;
      logger.warn({ event: 'second-signal', signal }, 'second signal: ending at once');
      second.resolve(128 + constants.signals[signal]);
    });
  }
  // Who forks a daemon, as a test does, wants it to end when nobody is there any more.
  if (process.connected)
    process.once('disconnect', () =>
      first.resolve({ reason: 'its parent has ended', exitCode: exitCodes.ok }),
    );
  const fatal = (error: unknown): void => {
    const stack = error instanceof Error ? readableStack(error.stack ?? '') : undefined;
    logger.error({ event: 'fatal-error', error: messageOf(error), stack }, 'fatal error');
    first.resolve({ reason: 'fatal error', exitCode: exitCodes.failure });
  };
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);
  const hangUp = (): void => first.resolve({ reason: 'the terminal was closed', exitCode: exitCodes.ok });
  return { hangUp, first: first.promise, second: second.promise };
}
