import { Fleet } from '../fleet.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

export const reload: Trial = {
  name: 'reload',
  holds: '500 reloads, half of them with mistakes, under load: unchanged topics miss no tick and no number',
  async run(scale) {
    const reloads = scale.of(500, 10);
    const findings = new Findings();
    const unchanged = { interval: '20ms', data: 'x'.repeat(100), history: 10 };
    const config = (count: number) => ({
      clients: { max: 20_000, maxPerUser: 20_000 },
      topics: {
        unchanged,
        changing: { interval: `${20 + (count % 7)}ms`, data: count },
        [`t${count}`]: unchanged,
      },
    });
    await using daemon = await scale.start(config(0));
    await using fleet = await Fleet.start({
      kind: 'library',
      socket: daemon.socket,
      count: 50,
      topics: ['unchanged', 'changing'],
    });
    await fleet.heard('unchanged', 3);
    const topic = async (name: string) =>
      (await daemon.status()).topics.find((entry) => entry.topic === name)!;
    const asked = performance.now();
    const before = await topic('unchanged');
    const began = performance.now();
    const counts = { reloaded: 0, refused: 0 };
    for (let count = 1; count <= reloads; count++) {
      const { msg } = await daemon.reload(count % 2 === 0 ? config(count) : '{ topics: { broken');
      counts[msg === 'reloaded' ? 'reloaded' : 'refused']++;
      daemon.log.items.length = 0;
      if (count % 100 === 0) scale.say(`${count} reloads`);
    }
    const ended = performance.now();
    const after = await topic('unchanged');
    const ticks = after.seq - before.seq + after.skippedTicks - before.skippedTicks;
    // The daemon counted at some moment between the question and the answer.
    const due = (ended - began) / 20;
    const most = (performance.now() - asked) / 20;
    findings.hold(
      ticks >= due - 3 && ticks <= most + 3,
      `${ticks} ticks in the time of ${due.toFixed(0)} to ${most.toFixed(0)}`,
    );
    findings.hold(counts.refused === reloads / 2, `${counts.refused} were refused`);
    await fleet.heard('unchanged', after.seq + 1);
    const report = await fleet.report();
    findings.histories(report);
    findings.hold(
      report.clients.every(({ missed, connections }) => missed === 0 && connections.length === 1),
      'a client missed something, or lost its connection',
    );
    const { instance } = await daemon.status();
    findings.hold(instance.length > 0, 'no instance');
    return {
      seen: `${counts.reloaded} reloaded, ${counts.refused} refused in ${((performance.now() - began) / 1000).toFixed(0)} s: ${ticks} of ${due.toFixed(0)} ticks, 0 missed by 50 clients`,
      failures: findings.failures,
    };
  },
};
