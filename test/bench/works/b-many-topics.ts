import { Audience } from '../audience.ts';
import { ticks } from '../drive.ts';
import { Server } from '../server.ts';
import { warmUp } from './warm-up.ts';
import type { Work } from './work.ts';

const CPU = 'CPU µs per delivery';
const SECONDS = 5;

export const manyTopics: Work = {
  letter: 'b',
  title: '50 topics due together, 10 ticks a second, clients that hear all of them',
  clients: [200],
  compared: [CPU],
  why: {
    [CPU]:
      'a broker in C or Go that sends what is due together with one system call for each client, as chimed does.',
  },
  async measure(system, clients) {
    await using server = await Server.start(system, ticks(50, 100));
    await using audience = await Audience.gather(server, clients);
    await warmUp();
    const before = server.cpuMicroseconds;
    const { messages, seconds } = await audience.listen(SECONDS);
    return {
      [CPU]: (server.cpuMicroseconds - before) / messages,
      'deliveries/s': messages / seconds,
    };
  },
};
