import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

import { chimedHost } from '../hosts/chimed-host.ts';
import { readings } from '../hosts/host-system.ts';
import type { HostSystem } from '../hosts/host-system.ts';
import { nodeExporter } from '../hosts/node-exporter.ts';
import { pcpHost } from '../hosts/pcp-host.ts';
import { newPlace } from '../place.ts';
import { proportionalKiB, usage } from '../process-tree.ts';
import { Processes } from '../processes.ts';
import { warmUp } from './warm-up.ts';
import type { Work } from './work.ts';

const SECONDS = 30;
const CPU = 'daemon CPU ms/s';
const MEMORY = 'daemon MiB';

export const hostReadings: Work<HostSystem> = {
  letter: 'j',
  title: `ten readings of the host (${readings.join(', ')}), once a second, for one reader, ${SECONDS} s`,
  clients: [1],
  systems: [nodeExporter, pcpHost, chimedHost].map((system) => ({ ...system, baseline: nodeExporter.name })),
  allCores: true,
  compared: [CPU, MEMORY],
  why: {
    [CPU]: 'pmcd and its agents are in C.',
    [MEMORY]: 'chimed is a Node process.',
  },
  async measure(system) {
    const place = await newPlace();
    await using cleanUp = new AsyncDisposableStack();
    cleanUp.defer(() => rmSync(place.folder, { recursive: true, force: true, maxRetries: 5 }));
    const daemon = cleanUp.use(new Processes());
    const reader = cleanUp.use(new Processes());
    await daemon.startServer(system.name, system.daemon(place), system.address(place));
    const { stdout } = reader.start(system.reader(place), 'pipe');
    let lines = 0;
    createInterface({ input: stdout! }).on('line', () => lines++);
    await warmUp();
    const before = { daemon: usage(daemon.pids), reader: usage(reader.pids), lines };
    await wait(SECONDS * 1000);
    const after = { daemon: usage(daemon.pids), reader: usage(reader.pids), lines };
    const rounds = (after.lines - before.lines) / system.linesPerSecond;
    if (rounds < SECONDS * 0.9)
      throw new Error(
        `${system.name} was read ${rounds} times in ${SECONDS} s: ${reader.stderr}${daemon.stderr}`,
      );
    const spent = (of: 'daemon' | 'reader'): number =>
      (after[of].cpuMicroseconds - before[of].cpuMicroseconds) / 1000 / SECONDS;
    return {
      [CPU]: spent('daemon'),
      'reader CPU ms/s': spent('reader'),
      'wake-ups/s': (after.daemon.wakeUps - before.daemon.wakeUps) / SECONDS,
      [MEMORY]: proportionalKiB(daemon.pids) / 1024,
    };
  },
};
