import { compiler } from '../needs.ts';
import { DELIMITER } from '../message.ts';
import { onSocket } from './system.ts';
import type { System } from './system.ts';

export const redis: System = {
  name: 'redis',
  needs: [{ path: 'redis-server', package: 'redis-server' }, compiler],
  command({ folder, socket }) {
    const memoryOnly = ['--save', '', '--appendonly', 'no'];
    const local = ['--port', '0', '--unixsocket', socket, '--dir', folder];
    return ['redis-server', ...local, ...memoryOnly, '--maxclients', '19000', '--tcp-backlog', '4096'];
  },
  address: onSocket,
  subscription: (topics) => command('SUBSCRIBE', ...topics), // Patterns cost it more than names.
  ticks: false,
  publisher: {
    // The cheapest way: Redis then writes no answer for each message.
    greeting: command('CLIENT', 'REPLY', 'OFF'),
    message: (topic, payload) => command('PUBLISH', topic, payload + DELIMITER),
  },
};

function command(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}
