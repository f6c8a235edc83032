import { writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

import { Fleet } from '../fleet.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

const INTERVAL_MS = 100;
/** Blocks the event loop once, for as long as its file says. */
const blocking = `
import { readFileSync, rmSync } from 'node:fs';
const file = new URL('block', import.meta.url);
export default () => {
  const until = performance.now() + Number(readFileSync(file, 'utf8'));
  while (performance.now() < until);
  return 'blocked';
};`;

export const pause: Trial = {
  name: 'pause',
  holds:
    'SIGSTOP for 30 s, then a blocked event loop: no burst, the ticks that it overran are counted, no client dropped',
  async run(scale) {
    const pauseMs = scale.of(30_000, 1000);
    const findings = new Findings();
    await using daemon = await scale.start({ topics: { tick: { interval: `${INTERVAL_MS}ms`, data: 1 } } });
    await using fleet = await Fleet.start({
      kind: 'socket',
      socket: daemon.socket,
      count: 20,
      topics: ['tick'],
    });
    const tick = async () => (await daemon.status()).topics.find(({ topic }) => topic === 'tick')!;
    await fleet.heard('tick', 3);

    /** Numbers and skipped ticks must account for all the time that has passed, whatever happened in it. */
    const accounted = async (what: string, happen: () => Promise<unknown>): Promise<number> => {
      const before = await tick();
      const began = performance.now();
      await happen();
      await fleet.heard('tick', (await tick()).seq + 2);
      const after = await tick();
      const due = (performance.now() - began) / INTERVAL_MS;
      const sent = after.seq - before.seq;
      const skipped = after.skippedTicks - before.skippedTicks;
      findings.hold(
        Math.abs(sent + skipped - due) <= 2,
        `${what}: ${sent} sent and ${skipped} skipped of ${due}`,
      );
      findings.hold(skipped >= pauseMs / INTERVAL_MS - 3, `${what}: only ${skipped} ticks were skipped`);
      return skipped;
    };

    const stopped = await accounted('SIGSTOP', async () => {
      daemon.program.kill('SIGSTOP');
      await wait(pauseMs);
      daemon.program.kill('SIGCONT');
    });
    writeFileSync(daemon.folder.file('block'), String(pauseMs));
    writeFileSync(daemon.folder.file('block.mjs'), blocking);
    const config = { interval: '1h', module: 'block.mjs' };
    await daemon.reload({ topics: { tick: { interval: `${INTERVAL_MS}ms`, data: 1 }, block: config } });
    const blocked = await accounted('blocked loop', async () => {
      using client = await daemon.raw();
      await client.send('block').frame('block');
    });
    const report = await fleet.report();
    findings.histories(report);
    findings.hold(
      report.clients.every(({ connected, missed }) => connected && missed === 0),
      'a client was dropped, or missed something',
    );
    return {
      seen: `${pauseMs / 1000} s each: ${stopped} and ${blocked} ticks skipped and counted, one late message each, 20 clients stayed`,
      failures: findings.failures,
    };
  },
};
