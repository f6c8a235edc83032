import { Audience } from '../audience.ts';
import { silence } from '../drive.ts';
import { Server } from '../server.ts';
import { warmUp } from './warm-up.ts';
import type { Work } from './work.ts';

const MEMORY = 'KiB per client';
const SECONDS = 3;

export const idleClients: Work = {
  letter: 'd',
  title: 'clients that are registered and hear nothing',
  clients: [1000, 10_000],
  compared: [MEMORY],
  why: { [MEMORY]: 'it keeps less for each client, and the first clients of chimed carry its fixed cost.' },
  async measure(system, clients) {
    await using server = await Server.start(system, silence);
    await warmUp();
    const resident = server.residentKiB;
    const cpuBefore = server.cpuMicroseconds;
    await using audience = await Audience.gather(server, clients);
    await warmUp();
    const cpuSettled = server.cpuMicroseconds;
    await audience.listen(SECONDS);
    return {
      [MEMORY]: (server.residentKiB - resident) / clients,
      'CPU µs to take one': (cpuSettled - cpuBefore) / clients,
      'CPU ms/s when all idle': (server.cpuMicroseconds - cpuSettled) / 1000 / SECONDS,
    };
  },
};
