import { chmodSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

import { percentile } from '../../helpers/figures.ts';
import { residentKiB } from '../../helpers/proc.ts';
import type { Way } from '../attacks.ts';
import { Fleet } from '../fleet.ts';
import { Hostile, canBeOthers } from '../hostile.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

/** What each user does: the ways that hold most memory, most places, most log lines. */
const ways: Way[] = [
  'never ends a frame',
  'asks for the status, and does not read',
  'publishes much',
  'sends types of a megabyte',
  'sends what is no frame',
  'comes and goes',
];
/** `clients.memory`, and what may be free and not yet returned. */
const MOST_GROWTH_MIB = 128 + 32;
const MOST_LINES_A_SECOND = 120;
const MOST_WAIT_SECONDS = 5;

export const allUsers: Trial = {
  name: 'all-users',
  holds:
    'six users at full speed at once, each in another way, until they use all connections: nobody else misses a tick, root still connects and gets its status, the daemon grows by less than 160 MiB and logs fewer than 120 lines per second',
  async run(scale) {
    const findings = new Findings();
    const seconds = scale.of(20, 1);
    const max = scale.of(600, 60);
    const topics = { tick: { interval: '50ms', data: 1 }, p: { publish: true } };
    await using daemon = await scale.start({ topics, clients: { max, maxPerUser: max } });
    chmodSync(daemon.socket, 0o666);
    chmodSync(daemon.folder.path, 0o755);
    const before = residentKiB(daemon.program.pid);
    const options = { kind: 'socket', socket: daemon.socket, count: 10, topics: ['tick'] } as const;
    await using healthy = await Fleet.start({ ...options, topics: ['tick'] });
    const from = daemon.log.items.length;
    await using hostiles = new AsyncDisposableStack();
    for (const [index, way] of ways.entries())
      hostiles.use(await Hostile.start(daemon.socket, [way], Math.ceil(max / ways.length), index + 1));
    let most = 0;
    const began = performance.now();
    while (performance.now() - began < seconds * 1000) {
      most = Math.max(most, residentKiB(daemon.program.pid) - before);
      await wait(100);
    }
    const lines = (daemon.log.items.length - from) / ((performance.now() - began) / 1000);
    // As a client of root's, or of the daemon's user.
    const asked = performance.now();
    await using asking = daemon.connect({ retry: { minMs: 10, maxMs: 100 }, timeoutMs: 50_000 });
    const status = await asking.status();
    const answered = (performance.now() - asked) / 1000;
    const { clients, lateness } = await healthy.report();
    const missed = clients.reduce((sum, client) => sum + client.missed, 0);
    const growth = most / 1024;
    findings.hold(
      missed === 0 && clients.every(({ connected }) => connected),
      `${missed} messages were missed`,
    );
    findings.hold(!scale.full || answered < MOST_WAIT_SECONDS, `root waited ${answered.toFixed(1)} s`);
    findings.hold(!scale.full || growth < MOST_GROWTH_MIB, `memory grew by ${growth.toFixed(0)} MiB`);
    findings.hold(!scale.full || lines < MOST_LINES_A_SECOND, `${lines.toFixed(0)} log lines a second`);
    const others = canBeOthers ? '' : ' (all of one user, since only root can be several)';
    return {
      seen: `${status.clientCount} clients${others}, ${seconds} s: p99 of the others ${percentile(lateness, 99).toFixed(1)} ms, ${missed} missed, +${growth.toFixed(0)} MiB, ${lines.toFixed(0)} log lines a second; root's status answered in ${answered.toFixed(1)} s`,
      failures: findings.failures,
    };
  },
};
