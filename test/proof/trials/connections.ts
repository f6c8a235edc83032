import { setTimeout as wait } from 'node:timers/promises';

import { percentile } from '../../helpers/figures.ts';
import { residentKiB } from '../../helpers/proc.ts';
import { Fleet } from '../fleet.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

export const connections: Trial = {
  name: 'connections',
  holds:
    '10,000 clients at 1 Hz for 60 s: no client is disconnected, every message is delivered, p99 is under 250 ms',
  async run(scale) {
    const count = scale.of(10_000, 100);
    const messages = scale.of(60, 2);
    const findings = new Findings();
    await using daemon = await scale.start({ topics: { tick: { interval: '1s', data: 'x'.repeat(60) } } });
    const before = residentKiB(daemon.program.pid);
    await using fleet = await Fleet.start(
      { kind: 'socket', socket: daemon.socket, count, topics: ['tick'] },
      scale.of(4, 1),
    );
    const perClient = (residentKiB(daemon.program.pid) - before) / count;
    const joined = (await daemon.status()).topics[0]!.seq;
    scale.say(`${count} clients are connected`);
    await Promise.all([fleet.heard('tick', joined + messages), wait(messages * 1000)]);
    const { clients, lateness } = await fleet.report();
    const status = await daemon.status();
    findings.hold(
      clients.every(({ connected, messages: heard }) => connected && heard >= messages),
      'a client was lost, or did not hear every message',
    );
    const missed = clients.reduce((sum, client) => sum + client.missed, 0);
    const skipped = status.clients.reduce((sum, client) => sum + client.skipped, 0);
    findings.hold(missed === 0 && skipped === 0, `${missed} messages missed, ${skipped} skipped`);
    const [p50, p99] = [50, 99].map((percent) => percentile(lateness, percent).toFixed(1));
    findings.hold(!scale.full || Number(p99) < 250, `p99 is ${p99} ms`);
    const seen = `${clients.length} clients, ${lateness.length} messages, 0 lost; p50 ${p50} ms, p99 ${p99} ms; ${perClient.toFixed(1)} KiB a client`;
    return { seen, failures: findings.failures };
  },
};
