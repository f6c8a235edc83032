import type { Trial } from './trial.ts';
import { demand } from './trials/demand.ts';
import { fleetTrial } from './trials/fleet.ts';
import { linkCuts } from './trials/link-cuts.ts';
import { machineNames } from './trials/machine-names.ts';
import { natsServers } from './trials/nats-servers.ts';
import { outage } from './trials/outage.ts';
import { strangers } from './trials/strangers.ts';

/** The trials of several machines, in the order in which they are run. They need nats-server. */
export const fleetTrials: readonly Trial[] = [
  fleetTrial,
  linkCuts,
  outage,
  natsServers,
  demand,
  machineNames,
  strangers,
];
