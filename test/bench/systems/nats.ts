import { compiler } from '../needs.ts';
import { DELIMITER } from '../message.ts';
import type { System } from './system.ts';

const GREETING = 'CONNECT {"verbose":false,"pedantic":false}\r\n';

/** NATS knows no Unix sockets. */
export const nats: System = {
  name: 'nats',
  needs: [{ path: 'nats-server', package: 'nats-server' }, compiler],
  command: ({ port }) => ['nats-server', '--addr', '127.0.0.1', '--port', String(port)],
  address: ({ port }) => ({ host: '127.0.0.1', port }),
  subscription: () => `${GREETING}SUB t.> 1\r\n`,
  ticks: false,
  publisher: {
    greeting: GREETING,
    message(topic, payload) {
      const text = payload + DELIMITER;
      return `PUB ${topic} ${text.length}\r\n${text}\r\n`;
    },
  },
};
