import { setTimeout as wait } from 'node:timers/promises';

import { TestDaemon, startDaemon } from '../../helpers/daemon.ts';
import { temporaryFolder } from '../../helpers/folder.ts';
import { Fleet } from '../fleet.ts';
import { Findings, seeded } from '../trial.ts';
import type { Trial } from '../trial.ts';

const SEED = 7;
/** Longest time between the start and the kill: it may hit a daemon that has yet to listen. */
const LONGEST_LIFE_MS = 500;
const INTERVAL_MS = 20;
/** A number that only the last daemon lives to give. */
const NO_LIFE_REACHES = (2 * LONGEST_LIFE_MS) / INTERVAL_MS;

export const killLoop: Trial = {
  name: 'kill-loop',
  holds:
    'kill -9 1,000 times at random moments: no stale socket, no manual step, a new instance each time, and every client is told',
  async run(scale) {
    const kills = scale.of(1000, 8);
    const count = scale.of(20, 5);
    const random = seeded(SEED);
    const findings = new Findings();
    const config = { topics: { tick: { interval: `${INTERVAL_MS}ms`, data: 1, history: 5 } } };
    const instances = new Set<unknown>();
    let listened = 0;
    using folder = temporaryFolder();
    const options = { folder };

    const first = await startDaemon(config, options);
    await using fleet = await Fleet.start({
      kind: 'library',
      socket: first.socket,
      count,
      topics: ['tick'],
      retry: { minMs: 5, maxMs: 50 },
    });
    let daemon = first;
    for (let kill = 1; kill <= kills; kill++) {
      if (kill > 1) daemon = new TestDaemon(config, options);
      await wait(random() * LONGEST_LIFE_MS);
      const how = await daemon.program.kill('SIGKILL').ended;
      findings.hold(how === 'SIGKILL', `a start ended with ${how}: ${daemon.program.output.stderr}`);
      const line = daemon.log.items.find(({ msg }) => msg === 'listening');
      if (line) {
        listened++;
        instances.add(line['instance']);
      }
      if (kill % 100 === 0) scale.say(`${kill} kills`);
    }
    await using _last = await startDaemon(config, options);
    await fleet.heard('tick', NO_LIFE_REACHES);
    const report = await fleet.report();
    findings.histories(report);
    findings.hold(instances.size === listened, `${listened} daemons had ${instances.size} instances`);
    findings.hold(
      report.clients.every(({ connections, begunAgain }) => begunAgain === connections.length - 1),
      'a client came back to a new instance and did not say so',
    );
    const registrations = report.clients.reduce((sum, client) => sum + client.connections.length, 0);
    return {
      seen: `${kills} kills, ${kills - listened} of them before it listened, no manual step; ${listened} daemons, ${instances.size} instances; ${count} clients registered ${registrations} times in all`,
      failures: findings.failures,
    };
  },
};
