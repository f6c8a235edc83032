import { startDaemon } from '../../helpers/daemon.ts';
import { Fleet } from '../fleet.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

export const reconnectStorm: Trial = {
  name: 'reconnect-storm',
  holds: 'kill -9 with 2,000 clients, then a new start: all clients are registered within 5 s',
  async run(scale) {
    const count = scale.of(2000, 50);
    const findings = new Findings();
    const topics = { tick: { interval: '200ms', data: 1, history: 10 } };
    await using daemon = await scale.start({ topics });
    const { folder } = daemon;
    await using fleet = await Fleet.start(
      { kind: 'library', socket: daemon.socket, count, topics: ['tick'] },
      scale.of(4, 1),
    );
    await fleet.heard('tick', 3);
    await daemon.program.kill('SIGKILL').ended;
    await using next = await startDaemon(
      { topics, clients: { max: count + 10, maxPerUser: count + 10 } },
      { folder },
    );
    const up = performance.now();
    await fleet.ready();
    const seconds = (performance.now() - up) / 1000;
    const { seq } = (await next.status()).topics[0]!;
    await fleet.heard('tick', seq + 2);
    const report = await fleet.report();
    findings.histories(report);
    findings.hold(!scale.full || seconds < 5, `it took ${seconds.toFixed(1)} s`);
    findings.hold(
      report.clients.every(({ begunAgain }) => begunAgain === 1),
      'a client was not told that the numbering began again',
    );
    return {
      seen: `${count} clients registered again ${seconds.toFixed(2)} s after the start, all told of the new numbering`,
      failures: findings.failures,
    };
  },
};
