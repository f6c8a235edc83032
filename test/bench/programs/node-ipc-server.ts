/** node-ipc's server. Usage: node-ipc-server.ts SOCKET DRIVE emit|broadcast */
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
ipc.config.silent = true;
ipc.config.maxConnections = 20_000; // 100 otherwise.
ipc.serve(path!);
const { server } = ipc;
server.on('register', (_, socket) => {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
});
server.on('error', () => {});
server.start();

if (drive.kind === 'ticks') everyDeadline(drive.intervalMs, tick);
if (drive.kind === 'flood') setImmediate(turn);

function tick(): void {
  for (const topic of drive.topics) {
    const data = payloadValue();
    if (how === 'broadcast') server.broadcast(topic, data);
    else for (const socket of sockets) server.emit(socket, topic, data);
  }
}

/** One message for each who has read what came before; a broadcast, once all have. */
function turn(): void {
  const [topic] = drive.topics;
  const ready = [...sockets].filter((socket) => !socket.writableNeedDrain);
  const data = payloadValue();
  if (how === 'emit') for (const socket of ready) server.emit(socket, topic!, data);
  else if (ready.length === sockets.size) server.broadcast(topic!, data);
  setImmediate(turn);
}
