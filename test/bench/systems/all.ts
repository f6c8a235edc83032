import { chimed, otherBuilds } from './chimed.ts';
import { mosquitto } from './mosquitto.ts';
import { nats } from './nats.ts';
import { net, netWithInterval } from './net.ts';
import { nodeIpcBroadcast, tutorial } from './node-ipc.ts';
import { redis } from './redis.ts';
import type { System } from './system.ts';

/** In the order of the tables. */
export const systems: readonly System[] = [
  net,
  chimed,
  ...otherBuilds,
  tutorial,
  nodeIpcBroadcast,
  redis,
  mosquitto,
  nats,
];

/** For the programs that are told a name. */
export function systemNamed(name: string): System {
  const found = [...systems, netWithInterval].find((system) => system.name === name);
  if (!found) throw new Error(`there is no system ${name}`);
  return found;
}
