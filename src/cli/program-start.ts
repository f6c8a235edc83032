import { setFlagsFromString } from 'node:v8';

/** What the command line of a program says that runs until a signal ends it. */
export interface ForegroundFlags {
  config?: string;
  socket?: string;
  logLevel?: string;
  logFormat?: string;
}

/** @param title The name in ps and top, where it is one of many called node otherwise. */
export function settleProcess(title: string): void {
  process.title = title;
  // The young generation stays at 2 MiB, where it would grow to 100 and never shrink: what we make dies at once.
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=60');
}

/** The environment, in which the flags stand in for the variables of the same settings. */
export function environmentWith({
  socket,
  logLevel,
  logFormat,
}: Omit<ForegroundFlags, 'config'>): Record<string, string | undefined> {
  return {
    ...process.env,
    ...(socket !== undefined && { CHIMED_SOCKET_PATH: socket }),
    ...(logLevel !== undefined && { CHIMED_LOG_LEVEL: logLevel }),
    ...(logFormat !== undefined && { CHIMED_LOG_FORMAT: logFormat }),
  };
}
