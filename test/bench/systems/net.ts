import type { Drive } from '../drive.ts';
import type { Place } from '../place.ts';
import { onSocket, program } from './system.ts';
import type { System } from './system.ts';

/** The limit of what Node's own streams can do: a bare server that writes one prepared buffer to each socket. */
export const net: System = {
  name: 'net',
  command: (place, drive) => netServer(place, drive, 'deadlines'),
  address: onSocket,
  subscription: () => '', // Whoever connects hears everything.
  ticks: true,
};

/** The same, with the timer that comes to mind first. */
export const netWithInterval: System = {
  ...net,
  name: 'net setInterval',
  command: (place, drive) => netServer(place, drive, 'setInterval'),
};

function netServer({ socket }: Place, drive: Drive, timer: string): readonly string[] {
  return program('net-server.ts', socket, JSON.stringify(drive), timer);
}
