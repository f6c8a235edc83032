import { closeSync } from 'node:fs';

import { datagramSocket, sendDatagram } from './libc.ts';

type Environment = Record<string, string | undefined>;

/** The service manager that started us, see sd_notify(3). */
export interface ServiceManager {
  /** Tells it something: `READY: 1`, `STATUS: '…'`. A value has no line breaks. */
  notify(state: Readonly<Record<string, string | number>>): void;
  /** How long it waits for the next `WATCHDOG: 1` before it ends us, in milliseconds. Undefined: for ever. */
  readonly watchdogMs: number | undefined;
}

/**
 * The service manager, if there is one. Its variables are removed from the environment, so that the commands
 * that we run do not take them for their own.
 */
export function openServiceManager(env: Environment = process.env): ServiceManager | undefined {
  const { NOTIFY_SOCKET: path, WATCHDOG_USEC: usec, WATCHDOG_PID: pid } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  if (!path) return undefined;
  const watched = Number(usec) > 0 && (!pid || Number(pid) === process.pid);
  return {
    notify: (state) => send(path, state),
    watchdogMs: watched ? Number(usec) / 1000 : undefined,
  };
}

/** Waits for room, as sd_notify(3) does: a READY that got lost would cost us our life. */
function send(path: string, state: Readonly<Record<string, string | number>>): void {
  const lines = Object.entries(state).map(([name, value]) => `${name}=${value}\n`);
  const fd = datagramSocket();
  try {
    sendDatagram(fd, path, Buffer.from(lines.join('')));
  } finally {
    closeSync(fd);
  }
}
