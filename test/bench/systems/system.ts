import type { NetConnectOpts } from 'node:net';
import { join } from 'node:path';

import type { Drive } from '../drive.ts';
import type { Entrant } from '../entrant.ts';
import type { Place } from '../place.ts';

/** How messages are put into a system from outside. */
export interface Publisher {
  /** What its connection begins with. */
  greeting: string;
  /** @param payload JSON. */
  message(topic: string, payload: string): string;
}

/** Something that tells many local processes something. Bytes on the wire are given as latin1. */
export interface System extends Entrant {
  /** The command that runs its server in the foreground. */
  command(place: Place, drive: Drive): readonly string[];
  address(place: Place): NetConnectOpts;
  /** What a client writes to hear these topics. */
  subscription(topics: readonly string[]): string;
  /** Reports whether its server ticks by itself. Otherwise a publisher runs beside it, and its CPU counts, too. */
  readonly ticks: boolean;
  /** When the first message in some bytes was made, in microseconds on the monotonic clock. @default its payload says so */
  readonly timeOf?: (bytes: Buffer) => number;
  /** Absent if nobody can publish to it. Then its server does what a flood needs, too. */
  readonly publisher?: Publisher;
}

/** A server of ours, see `programs/`. */
export function program(name: string, ...args: readonly string[]): readonly string[] {
  return [process.execPath, join(import.meta.dirname, '../programs', name), ...args];
}

/** The address of whoever listens on the place's Unix socket. */
export function onSocket({ socket }: Place): NetConnectOpts {
  return { path: socket };
}
