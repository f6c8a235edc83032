import { parseArgs } from 'node:util';

import type { ForegroundFlags } from './program-start.ts';

/**
 * The options of `chimed serve` as a service has them, without what reads all command lines: that would stay in the
 * daemon's memory.
 * @returns undefined for any other command line, be it a wrong one.
 */
export function plainServe([command, ...args]: readonly string[]): ForegroundFlags | undefined {
  if (command !== 'serve') return undefined;
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      args,
      options: { config: { ...text, short: 'c' }, socket: { ...text, short: 's' } },
    });
    return values.socket === '' ? undefined : values;
  } catch {
    return undefined;
  }
}
