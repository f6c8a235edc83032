import type { NetConnectOpts } from 'node:net';

import type { Entrant } from '../entrant.ts';
import type { Place } from '../place.ts';

/** A daemon that says how its host is, and the cheapest program that reads all of it once a second. */
export interface HostSystem extends Entrant {
  /** The command that runs the daemon in the foreground. */
  daemon(place: Place): readonly string[];
  /** Where it accepts connections. */
  address(place: Place): NetConnectOpts;
  /** The command that runs the reader, which prints a line for each message or answer. */
  reader(place: Place): readonly string[];
  /** Lines of the reader each second. */
  linesPerSecond: number;
}

/** What is read, of ten kinds. */
export const readings = [
  'load',
  'memory',
  'uptime',
  'cpu',
  'disks',
  'io',
  'network',
  'pressure',
  'processes',
  'files',
] as const;
