import { readdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

import { residentKiB } from '../../helpers/proc.ts';
import { Fleet } from '../fleet.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

/** Memory may move by this much from the first third to the last. */
const MOST_GROWTH_KIB = 4 * 1024;
const LOOKS = 60;

export const soak: Trial = {
  name: 'soak',
  holds:
    '30 minutes of ticks, commands, publications, connects and disconnects: memory and descriptors are flat',
  async run(scale) {
    const lookMs = (scale.of(scale.soakMinutes * 60, 3) * 1000) / LOOKS;
    const findings = new Findings();
    const topics = {
      tick: { interval: '100ms', data: 'x'.repeat(200), history: 100 },
      command: { interval: '1s', command: [process.execPath, '--version'] },
      failing: { interval: '1s', command: 'exit 1', always: true },
      load: { interval: '500ms', host: 'load' },
      published: { publish: true, history: 10 },
    };
    await using daemon = await scale.start({ topics });
    const socket = daemon.socket;
    await using staying = await Fleet.start({
      kind: 'library',
      socket,
      count: 50,
      topics: ['tick', 'published'],
    });
    await using publisher = daemon.connect();
    const memory: number[] = [];
    const descriptors: number[] = [];
    for (let look = 1; look <= LOOKS; look++) {
      const until = performance.now() + lookMs;
      while (performance.now() < until) {
        await using coming = daemon.connect({ name: 'coming and going' });
        for await (const { data } of coming.listen('>')) if (data) break;
        await publisher.publish('published', { at: Date.now() });
        await wait(50);
      }
      daemon.log.items.length = 0;
      daemon.program.stdout.items.length = 0;
      memory.push(residentKiB(daemon.program.pid));
      descriptors.push(readdirSync(`/proc/${daemon.program.pid}/fd`).length);
      if (look % 10 === 0) scale.say(`${memory.at(-1)} KiB, ${descriptors.at(-1)} descriptors`);
    }
    const report = await staying.report();
    findings.histories(report);
    findings.hold(
      report.clients.every(({ missed }) => missed === 0),
      'a client missed something',
    );
    const middle = (values: number[]): number =>
      values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
    const third = Math.floor(LOOKS / 3);
    const grown = middle(memory.slice(-third)) - middle(memory.slice(third, 2 * third));
    findings.hold(
      !scale.full || grown < MOST_GROWTH_KIB,
      `memory grew by ${grown} KiB from the second third to the last`,
    );
    const more = middle(descriptors.slice(-third)) - middle(descriptors.slice(third, 2 * third));
    findings.hold(more <= 2, `${more} more descriptors`);
    const messages = report.clients.reduce((sum, client) => sum + client.messages, 0);
    return {
      seen: `${Math.round((lookMs * LOOKS) / 1000)} s, ${messages} messages to 50 clients, 0 missed; memory ${middle(memory.slice(-third))} KiB, ${grown >= 0 ? '+' : ''}${grown} KiB from the second third to the last; descriptors ${middle(descriptors)}, ${more >= 0 ? '+' : ''}${more}`,
      failures: findings.failures,
    };
  },
};
