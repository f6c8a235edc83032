import type { FleetLink, FleetMachine } from '../protocol/fleet-link.ts';
import type { Demand } from './demand.ts';
import type { Exporter } from './exporter.ts';
import type { Importer } from './importer.ts';
import type { Leases } from './leases.ts';
import type { Machine } from './machine.ts';
import type { Machines } from './machines.ts';
import type { NatsLink } from './nats-link.ts';

/** Machines that are described: the payload of a topic is bounded. */
const MOST_DESCRIBED = 1000;

/** What knows how the fleet is. */
export interface FleetParts {
  /** What the fleet calls this machine. */
  machine: string;
  link: NatsLink;
  machines: Machines;
  leases: Leases;
  demand: Demand;
  importer: Importer;
  exporter: Exporter;
}

/** The payload of `fleet.link`. */
export function fleetState({
  machine,
  link,
  machines,
  leases,
  demand,
  importer,
  exporter,
}: FleetParts): FleetLink {
  const { isUp, server, since, connections, rttMs } = link;
  const { received, dropped, skipped, filled } = importer.counters;
  return {
    machine,
    connected: isUp ? 1 : 0,
    server: server ?? null,
    since: since ?? null,
    error: link.lastError?.message ?? null,
    connections,
    rttMs: rttMs === undefined ? null : rounded(rttMs),
    published: exporter.published,
    received,
    filled,
    skipped: exporter.skipped + skipped,
    dropped: dropped + machines.dropped + leases.dropped,
    imported: importer.size,
    exported: exporter.size,
    machineCount: machines.size,
    machines: Object.fromEntries(
      Iterator.from(machines)
        .take(MOST_DESCRIBED)
        .map((other) => [other.name, describe(other, demand)]),
    ),
  };
}

/** The same in a line, for people. */
export function fleetSentence({ link, machines, importer, exporter }: FleetParts): string {
  if (!link.isUp) return link.lastError?.message ?? 'connecting to NATS';
  const here = [...machines].filter(({ isHere }) => isHere).length;
  return `connected to NATS at ${link.server}; ${here} other machines; ${importer.size} topics imported, ${exporter.size} exported now`;
}

function describe(
  { name, here, isHere, changedAt, skewMs, lateMs, topics }: Machine,
  demand: Demand,
): FleetMachine {
  return {
    here: isHere ? 1 : 0,
    host: here.host,
    version: here.version,
    since: changedAt,
    topics: topics.length,
    wanted: demand.countOf(name),
    lateMs: lateMs === undefined ? null : rounded(lateMs),
    skewMs: rounded(skewMs),
    ...(here.clock && {
      synchronised: here.clock.synchronised ? 1 : 0,
      maxErrorMs: rounded(here.clock.maxErrorMs),
    }),
  };
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
