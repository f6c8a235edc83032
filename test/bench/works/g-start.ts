import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';

import { ticks } from '../drive.ts';
import { DELIMITER } from '../message.ts';
import { Server } from '../server.ts';
import type { Work } from './work.ts';

const CPU = 'start, CPU ms';

export const start: Work = {
  letter: 'g',
  title: 'from the start until somebody can connect; from connecting to the first message of a tick a second',
  clients: [1],
  compared: [CPU],
  why: { [CPU]: 'it loads fewer files of JavaScript than chimed, or none.' },
  cold: true,
  async measure(system) {
    await using server = await Server.start(system, ticks(1, 1000));
    const { milliseconds, cpuMilliseconds } = server.readyAfter;
    const begin = performance.now();
    const socket = connect(system.address(server.place)).on('error', () => {});
    socket.write(system.subscription(server.drive.topics), 'latin1');
    await firstMessage(socket);
    const message = performance.now() - begin;
    socket.destroy();
    return { [CPU]: cpuMilliseconds, 'start ms': milliseconds, 'first message ms': message };
  },
};

/** Answers to the subscription come before it, and carry no time or data. */
async function firstMessage(socket: Socket): Promise<void> {
  for (let text = ''; !/"pad":"x+"/.test(text) || !text.includes(DELIMITER);) {
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    text += bytes.toString('latin1');
  }
}
