import { Audience } from '../audience.ts';
import { ticks } from '../drive.ts';
import { Server } from '../server.ts';
import { warmUp } from './warm-up.ts';
import type { Work } from './work.ts';

const CPU = 'CPU µs per delivery';
const SECONDS = 5;

export const oneTopic: Work = {
  letter: 'a',
  title: 'one topic, 20 ticks a second',
  clients: [1, 10, 100, 1000],
  compared: [CPU],
  why: {
    [CPU]:
      'net only writes. Redis, Mosquitto and their publisher are in C; chimed numbers, dates and keeps each message in Node, which also compiles while it is measured (--warm-up).',
  },
  async measure(system, clients) {
    await using server = await Server.start(system, ticks(1, 50));
    await using audience = await Audience.gather(server, clients);
    await warmUp();
    const before = server.cpuMicroseconds;
    const { messages, p50, p99, spread } = await audience.listen(SECONDS);
    return {
      [CPU]: (server.cpuMicroseconds - before) / messages,
      'arrival p50 ms': p50 / 1000,
      'p99 ms': p99 / 1000,
      'first to last ms': spread / 1000,
    };
  },
};
