import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

import { ticks } from '../drive.ts';
import { percentile } from '../../helpers/figures.ts';
import { timeIn } from '../message.ts';
import { Server } from '../server.ts';
import { chimed, otherBuilds } from '../systems/chimed.ts';
import { net, netWithInterval } from '../systems/net.ts';
import type { Work } from './work.ts';

const INTERVAL_MS = 100;
const TICKS = 300;

export const drift: Work = {
  letter: 'e',
  title: `${TICKS} ticks of ${INTERVAL_MS} ms: how far they end from where they belong, and how late each is`,
  clients: [1],
  systems: [netWithInterval, net, chimed, ...otherBuilds],
  together: true,
  cold: true,
  compared: [],
  async measure(system) {
    await using server = await Server.start(system, ticks(1, INTERVAL_MS));
    const times: number[] = [];
    const socket = connect(system.address(server.place));
    socket.on('data', (bytes) => times.push(timeIn(bytes) / 1000)).on('error', () => {});
    socket.write(system.subscription(server.drive.topics), 'latin1');
    await wait((TICKS + 20) * INTERVAL_MS);
    socket.destroy();
    // Not the first ones: chimed takes a sample at once when it gets its first client, between two ticks.
    const late = times.slice(2, TICKS + 2).map((time, index) => time - times[2]! - index * INTERVAL_MS);
    const best = Math.min(...late.slice(0, 10));
    return {
      // The best of ten, so that the noise of single ticks is out.
      'drift ms': Math.min(...late.slice(-10)) - best,
      'late p50 ms': percentile(late, 50) - best,
      'p99 ms': percentile(late, 99) - best,
      'worst ms': Math.max(...late) - best,
    };
  },
};
