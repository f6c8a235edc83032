import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * How much later than its schedule a topic ticks, in milliseconds: from 0 to less than `splayMs`, always the same for
 * one topic of one machine, and another one for others.
 */
export function splayOf(topic: string, splayMs: number): number {
  const { createHash } = process.getBuiltinModule('node:crypto'); // Not imported: it takes 7 ms and 2 MiB.
  const digest = createHash('sha256').update(`${machineId()}\0${topic}`).digest();
  return Math.floor((digest.readUInt32BE() / 2 ** 32) * splayMs);
}

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim() || hostname();
  } catch {
    return hostname();
  }
}
