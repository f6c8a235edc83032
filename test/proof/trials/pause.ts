import { setTimeout as wait } from 'node:timers/promises';

import { Fleet } from '../fleet.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

const INTERVAL_MS = 100;
/** Code that the daemon is started with, since it has none of its own that blocks the event loop. */
const blocking = (ms: number): string =>
  `process.on("SIGUSR2",()=>{const end=performance.now()+${ms};while(performance.now()<end);console.log('{"msg":"unblocked"}')})`;

export const pause: Trial = {
  name: 'pause',
  holds:
    'SIGSTOP for 30 s, then a blocked event loop: no burst, overrun ticks are counted, no client is dropped',
  async run(scale) {
    const pauseMs = scale.of(30_000, 1000);
    const findings = new Findings();
    const code = `data:text/javascript,${encodeURIComponent(blocking(pauseMs))}`;
    await using daemon = await scale.start(
      { topics: { tick: { interval: `${INTERVAL_MS}ms`, data: 1 } } },
      { env: { NODE_OPTIONS: `--import=${code}` } },
    );
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
    const blocked = await accounted('blocked loop', async () => {
      daemon.program.kill('SIGUSR2');
      await daemon.logged('unblocked');
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
