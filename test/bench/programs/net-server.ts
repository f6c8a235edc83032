/** A bare server. Usage: net-server.ts SOCKET DRIVE deadlines|setInterval */
import { createServer } from 'node:net';
import { flushCompileCache } from 'node:module';
import type { Socket } from 'node:net';

import { everyDeadline } from '../drive.ts';
import type { Drive } from '../drive.ts';
import { DELIMITER, payload } from '../message.ts';

const [path, driveText, timer] = process.argv.slice(2);
const drive = JSON.parse(driveText!) as Drive;
const sockets = new Set<Socket>();

createServer((socket) => {
  sockets.add(socket);
  socket.on('error', () => {});
  socket.on('close', () => sockets.delete(socket));
  socket.resume();
}).listen({ path, backlog: 4096 });

const every = timer === 'setInterval' ? setInterval : undefined;
if (drive.kind === 'ticks') {
  if (every) every(tick, drive.intervalMs);
  else everyDeadline(drive.intervalMs, tick);
}
if (drive.kind === 'flood') setImmediate(turn);
flushCompileCache(); // We are killed, and not asked to exit.

function tick(): void {
  for (const _ of drive.topics) {
    const bytes = Buffer.from(payload() + DELIMITER);
    for (const socket of sockets) socket.write(bytes);
  }
}

/** One message for each who has read what came before. */
function turn(): void {
  const bytes = Buffer.from(payload() + DELIMITER);
  for (const socket of sockets) if (!socket.writableNeedDrain) socket.write(bytes);
  setImmediate(turn);
}
