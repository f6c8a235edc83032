import { setTimeout as wait } from 'node:timers/promises';

import { Relay } from '../../helpers/relay.ts';
import { Fleet } from '../fleet.ts';
import { reconcile } from '../history.ts';
import { Findings, seeded } from '../trial.ts';
import type { Trial } from '../trial.ts';

const SEED = 5;
/** Longest time between two cuts, and longest absence. */
const LONGEST_MS = 200;

export const resume: Trial = {
  name: 'resume',
  holds:
    'all connections are cut 200 times at random moments: each client gets what the history has, and the rest is counted exactly',
  async run(scale) {
    const cuts = scale.of(200, 8);
    const count = scale.of(50, 5);
    const random = seeded(SEED);
    const findings = new Findings();
    const topics = {
      short: { interval: '10ms', data: 1, history: 5, always: true },
      long: { interval: '20ms', data: 2, history: 1000, always: true },
    };
    await using daemon = await scale.start({ topics }, { level: 'debug' }); // All lines, also those that are too many.
    await using relay = await Relay.start(daemon.socket);
    await using fleet = await Fleet.start({
      kind: 'library',
      socket: relay.socket,
      count,
      topics: Object.keys(topics),
      retry: { minMs: 5, maxMs: 50 },
    });
    for (let cut = 1; cut <= cuts; cut++) {
      await wait(random() * LONGEST_MS);
      relay.cut();
      await wait(random() * LONGEST_MS);
      relay.mend();
      await fleet.ready();
      if (cut % 50 === 0) scale.say(`${cut} cuts`);
    }
    for (const { topic, seq } of (await daemon.status()).topics) await fleet.heard(topic, seq + 1);
    const report = await fleet.report();
    const status = await daemon.status();
    // Connections that have ended are in the log only.
    const ended = daemon.log.items
      .filter(({ msg }) => msg === 'client disconnected')
      .map(({ client, skipped }) => ({ id: Number(client), skipped: Number(skipped) }));
    findings.histories(report);
    findings.failures.push(...reconcile(report.clients, [...ended, ...status.clients]));
    findings.hold(
      report.clients.every(({ connections, begunAgain }) => connections.length > cuts && begunAgain === 0),
      'a client was not cut off, or did not resume',
    );
    const missed = report.clients.reduce((sum, client) => sum + client.missed, 0);
    findings.hold(missed > 0, 'nobody was away for longer than the history reaches');
    const messages = report.clients.reduce((sum, client) => sum + client.messages, 0);
    return {
      seen: `${count} clients cut off ${cuts} times: ${messages} messages heard, ${missed} missed by them, and as many no longer in the history, for each client`,
      failures: findings.failures,
    };
  },
};
