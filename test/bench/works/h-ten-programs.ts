import { percentile } from '../../helpers/figures.ts';
import {
  bashListeners,
  chimedListen,
  nodeListeners,
  onChimed,
  pythonListeners,
} from '../watchers/listeners.ts';
import { nodePollers, pythonPollers, shellPollers } from '../watchers/pollers.ts';
import type { Watchers } from '../watchers/watchers.ts';
import { watch } from '../watch.ts';
import type { Sighting } from '../watch.ts';
import type { Work } from './work.ts';

const SECONDS = 30;
const CPU = 'CPU ms/s';
const MEMORY = 'MiB';
const WAKE_UPS = 'wake-ups/s';

export const tenPrograms: Work<Watchers> = {
  letter: 'h',
  title: `a command once a second, for ten programs that print what it says, ${SECONDS} s`,
  clients: [10],
  systems: [
    shellPollers,
    onChimed(chimedListen, shellPollers),
    onChimed(bashListeners, shellPollers),
    nodePollers,
    onChimed(nodeListeners, nodePollers),
    pythonPollers,
    onChimed(pythonListeners, pythonPollers),
  ],
  allCores: true,
  compared: [CPU, WAKE_UPS, MEMORY],
  why: {
    [WAKE_UPS]: 'each program has a second process, chimed listen, and both wake for each message.',
    [MEMORY]:
      'a program that runs a command keeps nothing between two runs. chimed is a Node process, and so is each chimed listen.',
  },
  async measure(watchers, clients) {
    const watched = await watch(watchers, clients, 'command.sh', SECONDS);
    const spreads = spreadsOf(watched.sightings, clients);
    return {
      executions: watched.executions,
      [CPU]: watched.cpuMicroseconds / 1000 / SECONDS,
      [WAKE_UPS]: watched.wakeUps / SECONDS,
      [MEMORY]: (watched.daemonKiB + watched.programsKiB) / 1024,
      'of it the daemon': (watchers.daemon ? watched.daemonKiB : Number.NaN) / 1024,
      'first to last p50 ms': percentile(spreads, 50),
      'p99 ms': percentile(spreads, 99),
    };
  },
};

/** For each value that all programs saw: from the first program to the last. */
function spreadsOf(sightings: readonly Sighting[], programs: number): number[] {
  const values = [...new Set(sightings.map(({ value }) => value))];
  return values.flatMap((value) => {
    const first = new Map<number, number>();
    for (const sighting of sightings) {
      if (sighting.value === value && !first.has(sighting.program)) first.set(sighting.program, sighting.at);
    }
    return first.size < programs ? [] : [Math.max(...first.values()) - Math.min(...first.values())];
  });
}
