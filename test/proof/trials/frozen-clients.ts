import { setTimeout as wait } from 'node:timers/promises';

import { residentKiB } from '../../helpers/proc.ts';
import { Fleet } from '../fleet.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

const PENDING_KIB = 256;
/** What the kernel and Node keep beside what is counted, for one client. */
const OVERHEAD_KIB = 64;

export const frozenClients: Trial = {
  name: 'frozen-clients',
  holds:
    '100 of 1,000 clients stop reading: the gaps of the others stay under 1.1 intervals, memory is bounded, the frozen clients are disconnected',
  async run(scale) {
    const count = scale.of(1000, 40);
    const frozen = count / 10;
    const intervalMs = scale.of(1000, 50);
    const findings = new Findings();
    const topics = { tick: { interval: `${intervalMs}ms`, data: 'x'.repeat(20_000) } };
    const clients = { pendingBytes: `${PENDING_KIB}KiB`, stallTimeout: scale.full ? '20s' : '1s' };
    await using daemon = await scale.start({ topics, clients }, { level: 'debug' }); // All lines, also those that are too many.
    await using stopping = await Fleet.start({
      kind: 'socket',
      socket: daemon.socket,
      count: frozen,
      topics: ['tick'],
    });
    await using healthy = await Fleet.start(
      { kind: 'socket', socket: daemon.socket, count: count - frozen, topics: ['tick'] },
      scale.of(2, 1),
    );
    await healthy.heard('tick', 3);
    const before = residentKiB(daemon.program.pid);
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, residentKiB(daemon.program.pid))), 100);
    await stopping.freeze(frozen);
    await daemon.log.take(frozen, ({ msg }) => msg.startsWith('client is stalled'));
    clearInterval(watch);
    // Who reads again just then reads, after what had been sent before, why it is cut off.
    await stopping.thaw();
    await stopping.gone(frozen);
    const cutOff = await daemon.log.take(frozen, ({ reason }) => reason === 'stalled');
    await wait(3 * intervalMs);
    const report = await healthy.report();
    findings.histories(report);
    findings.hold(
      report.clients.every(({ connected, missed }) => connected && missed === 0),
      'a healthy client was harmed',
    );
    const gap = Math.max(...report.clients.map(({ longestGapMs }) => longestGapMs)) / intervalMs;
    findings.hold(!scale.full || gap < 1.1, `the longest gap was ${gap.toFixed(2)} intervals`);
    const skipped = cutOff.reduce((sum, line) => sum + Number(line['skipped']), 0);
    findings.hold(skipped > 0, 'nothing was skipped');
    const perFrozen = (most - before) / frozen;
    // Of a few clients, the daemon's own ups and downs would hide it.
    findings.hold(
      !scale.full || perFrozen < PENDING_KIB + OVERHEAD_KIB,
      `${perFrozen.toFixed(0)} KiB for a frozen client`,
    );
    const told = (await stopping.report()).clients.filter(({ rejections }) =>
      rejections.includes('stalled'),
    ).length;
    findings.hold(told === frozen, `${frozen - told} of those cut off could not read why`);
    return {
      seen: `longest gap of ${count - frozen} others ${gap.toFixed(2)} intervals; ${frozen} cut off, ${skipped} messages skipped for them, ${told} read why; at most ${perFrozen.toFixed(0)} KiB each`,
      failures: findings.failures,
    };
  },
};
