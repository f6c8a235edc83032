import { setTimeout as wait } from 'node:timers/promises';

import { ticks } from '../drive.ts';
import { Server } from '../server.ts';
import { warmUp } from './warm-up.ts';
import type { Work } from './work.ts';

const SECONDS = 60;

export const nobody: Work = {
  letter: 'f',
  title: 'one topic, 20 ticks a second, and nobody who hears it',
  clients: [0],
  together: true,
  compared: [],
  async measure(system) {
    await using server = await Server.start(system, ticks(1, 50));
    await warmUp();
    const before = { switches: server.contextSwitches, cpu: server.cpuMicroseconds };
    await wait(SECONDS * 1000);
    return {
      'wake-ups/s': (server.contextSwitches - before.switches) / SECONDS,
      'CPU ms per minute': (server.cpuMicroseconds - before.cpu) / 1000,
    };
  },
};
