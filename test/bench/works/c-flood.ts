import { Audience } from '../audience.ts';
import { flood } from '../drive.ts';
import { Server } from '../server.ts';
import { warmUp } from './warm-up.ts';
import type { Work } from './work.ts';

const RATE = 'deliveries/s';
const SECONDS = 3;

export const asFastAsItGoes: Work = {
  letter: 'c',
  title: 'one topic, as fast as it goes',
  clients: [10, 100, 1000],
  compared: [RATE],
  higherIsBetter: [RATE],
  why: { [RATE]: 'it decodes what is published in C, which counts most with few clients.' },
  async measure(system, clients) {
    await using server = await Server.start(system, flood);
    await using audience = await Audience.gather(server, clients);
    await warmUp();
    const before = server.cpuMicroseconds;
    const { messages, seconds, lost } = await audience.listen(SECONDS);
    const cpu = server.cpuMicroseconds - before;
    return { [RATE]: messages / seconds, 'CPU µs per delivery': cpu / messages, skipped: lost };
  },
};
