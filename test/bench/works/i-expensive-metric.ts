import { percentile } from '../../helpers/figures.ts';
import { chimedListen, onChimed, pythonListeners } from '../watchers/listeners.ts';
import { pmvalOnKeepingPcp, pmvalOnPcp, pythonOnKeepingPcp, pythonOnPcp } from '../watchers/pcp.ts';
import type { Watchers } from '../watchers/watchers.ts';
import { watch } from '../watch.ts';
import type { Work } from './work.ts';

const SECONDS = 30;
const CPU = 'CPU ms/s';
const MEMORY = 'MiB';

export const expensiveMetric: Work<Watchers> = {
  letter: 'i',
  title: `a value that costs 50 ms of CPU, once a second, for ten clients of PCP or chimed, ${SECONDS} s`,
  clients: [10],
  systems: [
    { ...pythonOnPcp, baseline: pythonOnPcp.name },
    { ...pythonOnKeepingPcp, baseline: pythonOnPcp.name },
    onChimed(pythonListeners, pythonOnPcp),
    { ...pmvalOnPcp, baseline: pmvalOnPcp.name },
    { ...pmvalOnKeepingPcp, baseline: pmvalOnPcp.name },
    onChimed(chimedListen, pmvalOnPcp),
  ],
  allCores: true,
  compared: [CPU, MEMORY],
  why: {
    executions:
      'a value that is kept for a second is renewed by the first fetch after that second, so less often.',
    [CPU]: 'pmcd and its agent are in C, and a value that is kept is renewed less often.',
    [MEMORY]: 'pmcd, its agent and pmval are in C. chimed is a Node process, and so is each chimed listen.',
    'age p50 ms':
      'an agent that keeps nothing runs the command for each fetch, and answers at once with what it printed.',
    'p99 ms':
      'an agent that keeps nothing runs the command for each fetch, and answers at once with what it printed.',
  },
  async measure(watchers, clients) {
    const watched = await watch(watchers, clients, 'expensive-command.sh', SECONDS);
    const ages = watched.sightings.map(({ value, at }) => at - value / 1000);
    return {
      executions: watched.executions,
      [CPU]: watched.cpuMicroseconds / 1000 / SECONDS,
      [MEMORY]: (watched.daemonKiB + watched.programsKiB) / 1024,
      'of it the daemon': watched.daemonKiB / 1024,
      'age p50 ms': percentile(ages, 50),
      'p99 ms': percentile(ages, 99),
    };
  },
};
