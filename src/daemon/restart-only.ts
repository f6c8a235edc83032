import { isDeepStrictEqual } from 'node:util';

import type { Config } from '../config/config.ts';

/** Settings that a reload cannot change, as the file names them. Of `web`, the daemon goes by the uid alone, which one can. */
const restartOnly: Readonly<Record<string, (config: Config) => unknown>> = {
  socket: ({ socket }) => socket,
  state: ({ state }) => state,
  'clients.frameBytes': ({ clients }) => clients.frameBytes,
  'clients.frameTimeout': ({ clients }) => clients.frameTimeoutMs,
  'log.format': ({ log }) => log.format,
};

/** Those of them that differ between two configurations. */
export function needingRestart(one: Config, other: Config): string[] {
  const differing = Object.entries(restartOnly).filter(
    ([, value]) => !isDeepStrictEqual(value(one), value(other)),
  );
  return differing.map(([name]) => name);
}
