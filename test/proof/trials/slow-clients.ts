import { Fleet } from '../fleet.ts';
import { reconcile } from '../history.ts';
import { slowRounds } from '../slow-rounds.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

export const slowClients: Trial = {
  name: 'slow-clients',
  holds:
    'clients that read a tenth of the time: the newest message of each topic arrives, and missed messages are counted exactly',
  async run(scale) {
    const rounds = scale.of(200, 12);
    const count = scale.of(50, 5);
    const findings = new Findings();
    const topics = { a: { publish: true }, b: { publish: true }, end: { publish: true } };
    await using daemon = await scale.start({ topics, clients: { pendingBytes: '64KiB' } });
    await using fleet = await Fleet.start({
      kind: 'socket',
      socket: daemon.socket,
      count,
      topics: ['a', 'b', 'end'],
    });
    await using publisher = daemon.connect();
    const freeze = () => fleet.freeze(count);
    const last = await slowRounds(rounds, publisher, { freeze, thaw: () => fleet.thaw() });
    // All read on: the newest of each topic comes, and after it there is nothing left to be skipped.
    await fleet.heard('a', last);
    await fleet.heard('b', last);
    await publisher.publish('end', 1);
    await fleet.heard('end', 1);
    const report = await fleet.report();
    const status = await daemon.status();
    findings.histories(report);
    findings.failures.push(...reconcile(report.clients, status.clients));
    const missed = report.clients.reduce((sum, client) => sum + client.missed, 0);
    findings.hold(missed > 0, 'they were not slow: nothing was missed');
    return {
      seen: `${count} clients, ${2 * last} messages each: ${missed} missed by them, ${missed} skipped by the daemon, the newest heard by all`,
      failures: findings.failures,
    };
  },
};
