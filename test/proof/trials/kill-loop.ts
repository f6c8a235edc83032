import { setTimeout as wait } from 'node:timers/promises';

import { startDaemon } from '../../helpers/daemon.ts';
import { temporaryFolder } from '../../helpers/folder.ts';
import { Fleet } from '../fleet.ts';
import { Findings, seeded } from '../trial.ts';
import type { Trial } from '../trial.ts';

const SEED = 7;
/** Longest time between the start and the kill. */
const LONGEST_LIFE_MS = 150;

export const killLoop: Trial = {
  name: 'kill-loop',
  holds:
    'kill -9 1,000 times at random moments: no stale socket, no manual step, a new instance each time, and every client says so',
  async run(scale) {
    const kills = scale.of(1000, 5);
    const count = scale.of(20, 5);
    const random = seeded(SEED);
    const findings = new Findings();
    const config = { topics: { tick: { interval: '20ms', data: 1, history: 5 } } };
    const instances = new Set<unknown>();
    using folder = temporaryFolder();
    const start = () => startDaemon(config, { folder, built: scale.full });

    let daemon = await start();
    const retry = { minMs: 5, maxMs: 50 };
    await using fleet = await Fleet.start({
      kind: 'library',
      socket: daemon.socket,
      count,
      topics: ['tick'],
      retry,
    });
    for (let kill = 1; kill <= kills; kill++) {
      instances.add((await daemon.logged('listening'))['instance']);
      await wait(random() * LONGEST_LIFE_MS);
      await daemon.program.kill('SIGKILL').ended;
      // It fails if a socket of the dead one stands in the way.
      daemon = await start();
      if (kill % 100 === 0) scale.say(`${kill} kills`);
    }
    await fleet.heard('tick', 3);
    const { seq } = (await daemon.status()).topics[0]!;
    await fleet.heard('tick', seq + 3);
    const report = await fleet.report();
    await daemon[Symbol.asyncDispose]();
    findings.histories(report);
    findings.hold(instances.size === kills, `${kills} daemons had ${instances.size} instances`);
    findings.hold(
      report.clients.every(({ registrations, begunAgain }) => begunAgain === registrations - 1),
      'a client came back to a new instance and did not say so',
    );
    const registrations = report.clients.reduce((sum, client) => sum + client.registrations, 0);
    return {
      seen: `${kills} kills, ${kills} starts without a manual step, ${instances.size} instances; ${count} clients registered ${registrations} times in all`,
      failures: findings.failures,
    };
  },
};
