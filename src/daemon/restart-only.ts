import { isDeepStrictEqual } from 'node:util';

import type { Config } from '../config/config.ts';

/** Settings that a reload cannot change. Of `web`, the daemon goes by the uid alone, which one can. */
const restartOnly = [
  'socket',
  'state',
  'clients.frameBytes',
  'clients.frameTimeoutMs',
  'log.format',
] as const;

/** Those of them that differ between two configurations. */
export function needingRestart(one: Config, other: Config): string[] {
  return restartOnly.filter((key) => !isDeepStrictEqual(get(one, key), get(other, key)));
}

function get(config: Config, key: (typeof restartOnly)[number]): unknown {
  return key.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], config);
}
