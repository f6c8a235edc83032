import type { FleetLink, FleetMachine } from '../protocol/fleet-link.ts';
import { ago } from './ago.ts';
import type { Colors } from './colors.ts';
import { printable, printableCell } from './printable.ts';
import { textTable } from './text-table.ts';

const heads = ['MACHINE', 'STATE', 'SINCE', 'HOST', 'VERSION', 'TOPICS', 'WANTED', 'LATE', 'SKEW', 'CLOCK'];

/** Renders how the fleet is: a line about the link to NATS, and a table of the other machines. */
export function renderFleet(link: FleetLink, paint: Colors): string[] {
  const { machine, connected, server, since, error, imported, exported, skipped, dropped } = link;
  const state = connected
    ? `connected to NATS at ${printableCell(server ?? '?')} ${ago(since ?? 0)}`
    : paint.bad(`no connection to NATS: ${printable(error ?? 'connecting')}`);
  const lost = skipped + dropped > 0 ? paint.bad(`, ${skipped} skipped, ${dropped} dropped`) : '';
  const machines = Object.entries(link.machines).toSorted(([one], [other]) => one.localeCompare(other));
  return [
    `${paint.heading(`fleet: ${printableCell(machine)}`)}, ${state}; ${imported} topics imported, ${exported} exported now${lost}`,
    ...textTable(
      heads,
      machines.map(([name, other]) => machineRow(name, other, paint)),
      paint,
    ),
    ...(link.machineCount > machines.length
      ? [`${link.machineCount - machines.length} machines are not listed`]
      : []),
  ];
}

function machineRow(name: string, machine: FleetMachine, paint: Colors): string[] {
  const { here, since, host, version, topics, wanted, lateMs, skewMs, synchronised, maxErrorMs } = machine;
  const clock =
    synchronised === undefined
      ? '-'
      : synchronised
        ? `synchronised to ${maxErrorMs}ms`
        : paint.bad('not synchronised');
  return [
    printableCell(name),
    here ? 'here' : paint.bad('away'),
    ago(since),
    printableCell(host),
    printableCell(version),
    String(topics),
    String(wanted),
    lateMs === null ? '-' : `${lateMs}ms`,
    `${skewMs}ms`,
    clock,
  ];
}
