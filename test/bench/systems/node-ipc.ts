import { DELIMITER } from '../message.ts';
import { onSocket, program } from './system.ts';
import type { System } from './system.ts';

/** node-ipc 14 as the tutorial uses it: a timer and an `emit` for each client, and a line on stdout for each message. */
export const tutorial: System = nodeIpc('tutorial', 'tutorial');

/** node-ipc's own way to tell everybody, which encodes once. */
export const nodeIpcBroadcast: System = nodeIpc('node-ipc broadcast', 'broadcast');

function nodeIpc(name: string, how: 'tutorial' | 'broadcast'): System {
  return {
    name,
    command: ({ socket }, drive) => program('node-ipc-server.ts', socket, JSON.stringify(drive), how),
    address: onSocket,
    subscription: () => `{"type":"register","data":{}}${DELIMITER}`,
    ticks: true,
  };
}
