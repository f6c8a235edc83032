/** node-ipc's server. Usage: node-ipc-server.ts SOCKET DRIVE tutorial|broadcast */
import { flushCompileCache } from 'node:module';
import type { Socket } from 'node:net';
import { IPCModule } from 'node-ipc';

import { everyDeadline } from '../drive.ts';
import type { Drive } from '../drive.ts';
import { payloadValue } from '../message.ts';

/** What our declarations of node-ipc leave out, since chimed does not use it. */
interface Ipc {
  config: { silent: boolean; maxConnections: number };
  serve(path: string): void;
  server: {
    on(event: string, listener: (data: unknown, socket: Socket) => void): void;
    emit(socket: Socket, type: string, data: unknown): void;
    broadcast(type: string, data: unknown): void;
    start(): void;
  };
}

const [path, driveText, how] = process.argv.slice(2);
const drive = JSON.parse(driveText!) as Drive;
const sockets = new Set<Socket>();

const ipc = new IPCModule() as unknown as Ipc;
// The tutorial leaves it as it is: each message is a line on stdout.
ipc.config.silent = how !== 'tutorial';
ipc.config.maxConnections = 20_000; // 100 otherwise.
ipc.serve(path!);
const { server } = ipc;
server.on('register', (_, socket) => {
  sockets.add(socket);
  // As the tutorial does it: a timer for each who registers.
  const timer =
    how === 'tutorial' && drive.kind === 'ticks' ? setInterval(tell, drive.intervalMs, socket) : undefined;
  socket.on('close', () => {
    sockets.delete(socket);
    clearInterval(timer);
  });
});
server.on('error', () => {});
server.start();

if (drive.kind === 'ticks' && how === 'broadcast') everyDeadline(drive.intervalMs, tellAll);
if (drive.kind === 'flood') setImmediate(turn);
flushCompileCache(); // We are killed, and not asked to exit.

function tell(socket: Socket): void {
  for (const topic of drive.topics) server.emit(socket, topic, payloadValue());
}

function tellAll(): void {
  for (const topic of drive.topics) server.broadcast(topic, payloadValue());
}

/** One message for each who has read what came before; a broadcast, once all have. */
function turn(): void {
  const [topic] = drive.topics;
  const ready = [...sockets].filter((socket) => !socket.writableNeedDrain);
  const data = payloadValue();
  if (how === 'tutorial') for (const socket of ready) server.emit(socket, topic!, data);
  else if (ready.length === sockets.size) server.broadcast(topic!, data);
  setImmediate(turn);
}
