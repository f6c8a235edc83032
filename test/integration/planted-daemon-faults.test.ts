import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

import { daemonCases } from '../conformance/daemons/cases/all.ts';
import { DaemonPool } from '../conformance/daemons/daemon-pool.ts';
import { playDaemonCase } from '../conformance/daemons/daemon-run.ts';
import { changedDaemon } from '../conformance/daemons/own-daemon.ts';
import { plantedDaemonFaults } from '../conformance/planted/daemon-faults.ts';
import { temporaryFolder } from '../helpers/folder.ts';

const plant = join(import.meta.dirname, '../conformance/planted/plant.ts');
const cache = temporaryFolder();
const cases = Object.values(daemonCases).flat();
/** What a case can take that waits for what the fault has swallowed, in seconds. */
const MOST_SECONDS = 15;

afterAll(() => cache[Symbol.dispose]());

test.concurrent.for(Object.entries(plantedDaemonFaults))(
  'the conformance suite finds a daemon that %s',
  async ([fault, { found }]) => {
    const tried = cases.find(({ name }) => name === found)!;
    const command = `env PLANTED_FAULT='${fault}' ${changedDaemon(plant, cache.path)}`;
    await using pool = new DaemonPool(command, [tried]);
    const played = playDaemonCase({ ...tried, seconds: MOST_SECONDS }, pool);
    await expect(played).rejects.toThrow(/^(?!the daemon has ended)/);
  },
);
