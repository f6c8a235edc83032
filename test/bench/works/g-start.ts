import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { ticks } from '../drive.ts';
import { DELIMITER } from '../message.ts';
import { Server } from '../server.ts';
import type { Work } from './work.ts';

const CPU = 'start, CPU ms';
const MEMORY = 'resident, MiB';

export const start: Work = {
  letter: 'g',
  title:
    'from the start until somebody can connect; from connecting to the first message of a tick a second; memory after the second',
  clients: [1],
  compared: [CPU, MEMORY],
  why: {
    [CPU]: 'it loads fewer files of JavaScript than chimed, or none.',
    [MEMORY]: 'it keeps less JavaScript than chimed, or none.',
  },
  cold: true,
  async measure(system) {
    await using server = await Server.start(system, ticks(1, 1000));
    const { milliseconds, cpuMilliseconds } = server.readyAfter;
    const begin = performance.now();
    const socket = connect(system.address(server.place)).on('error', () => {});
    socket.write(system.subscription(server.drive.topics), 'latin1');
    await nextMessage(socket);
    const message = performance.now() - begin;
    await nextMessage(socket); // By then, chimed has given back what its start took.
    const memory = server.residentKiB / 1024;
    socket.destroy();
    return {
      [CPU]: cpuMilliseconds,
      'start ms': milliseconds,
      'first message ms': message,
      [MEMORY]: memory,
    };
  },
};

/** Answers to the subscription come before it, and carry no time or data. */
async function nextMessage(socket: Socket): Promise<void> {
  for (let text = ''; !/"pad":"x+"/.test(text) || !text.includes(DELIMITER);) {
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    text += bytes.toString('latin1');
  }
}
