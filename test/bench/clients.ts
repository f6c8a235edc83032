/**
 * Many clients on one topic: is every message delivered, how soon, and what does a client cost?
 * Usage: node test/bench/clients.ts [clients] [seconds]. Clients are plain sockets in processes of their own.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';

import { startDaemon } from '../helpers/daemon.ts';
import { percentile, residentKiB } from './figures.ts';

const clients = Number(process.argv[2] ?? 1000);
const seconds = Number(process.argv[3] ?? 20);
const PROCESSES = 2;

await using daemon = await startDaemon(
  {
    clients: { max: clients + 1 },
    log: { level: 'warn' },
    topics: { tick: { interval: '1s', data: 'x'.repeat(60) } },
  },
  { level: 'info' },
);
const before = residentKiB(daemon.program.pid);

const holders = Array.from({ length: PROCESSES }, () =>
  fork(new URL('holder.ts', import.meta.url), [daemon.socket, String(clients / PROCESSES)]),
);
await Promise.all(holders.map((holder) => once(holder, 'message')));
const after = residentKiB(daemon.program.pid);

type Result = { lateness: number[]; gaps: number };
const results: Result[] = await Promise.all(
  holders.map(async (holder) => {
    holder.send({ seconds });
    const [result] = (await once(holder, 'message')) as [Result];
    return result;
  }),
);
const status = await daemon.status();
holders.forEach((holder) => holder.disconnect());

const lateness = results.flatMap((result) => result.lateness);
console.table({
  clients,
  'messages due': clients * seconds,
  'messages heard': lateness.length,
  'gaps in the numbering': results.reduce((sum, { gaps }) => sum + gaps, 0),
  'skipped by the daemon': status.clients.reduce((sum, { skipped }) => sum + skipped, 0),
  'arrival after the tick, p50 ms': percentile(lateness, 50),
  'arrival after the tick, p99 ms': percentile(lateness, 99),
  'arrival after the tick, worst ms': Math.max(...lateness),
  'daemon, KiB before clients': before,
  'daemon, KiB a client': Number(((after - before) / clients).toFixed(1)),
});
