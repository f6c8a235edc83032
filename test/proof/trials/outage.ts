import { setTimeout as wait } from 'node:timers/promises';

import { NatsServer } from '../../fleet/nats-server.ts';
import { Pair } from '../../fleet/pair.ts';
import { within } from '../../fleet/within.ts';
import { residentKiB } from '../../helpers/proc.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

/** How soon all topics are heard again, in milliseconds. */
const AGAIN_MS = 5000;
/** What a process may grow by meanwhile, in KiB. */
const GROWTH_KIB = 8 * 1024;

export const outage: Trial = {
  name: 'outage',
  holds:
    'the server is away for 10 minutes: memory is flat, at the return each topic sends one message and no burst, and all are heard again within 5 s',
  async run(scale) {
    const topics = scale.of(20, 5);
    const intervalMs = scale.of(1000, 100);
    const findings = new Findings();
    await using server = await NatsServer.start();
    const servers = [server.url];
    await using pair = await Pair.start({
      servers: { origin: servers, listener: servers },
      topics,
      intervalMs,
    });
    const { origin, listener, ear } = pair;
    await wait(scale.of(10_000, 0));
    await server.stop('SIGKILL');
    await Promise.all(
      [origin, listener].map((machine) => machine.linkIs(({ connected }) => connected === 0)),
    );
    scale.say('the server is away');
    await wait(scale.of(10_000, 0));
    const memory = () => [origin, listener].map(({ bridge }) => residentKiB(bridge.pid));
    const [before, heardBefore] = [memory(), ear.history.messages];
    await wait(scale.of(590_000, 2000));
    const after = memory();
    const growth = Math.max(...after.map((kib, index) => kib - before[index]!));
    findings.hold(!scale.full || growth < GROWTH_KIB, `a bridge grew by ${growth} KiB`);
    findings.hold(ear.history.messages === heardBefore, 'messages came while the server was away');

    const returns = new Map<string, number[]>();
    ear.onMessage = ({ topic }) => {
      returns.set(topic, [...(returns.get(topic) ?? []), performance.now()]);
    };
    await server.restart();
    const back = performance.now();
    scale.say('the server is back');
    while (returns.size < topics) await within(30_000, 'all topics are heard again', ear.hearsMore(1));
    const againMs = performance.now() - back;
    findings.hold(
      !scale.full || againMs < AGAIN_MS,
      `all were heard again only after ${againMs.toFixed(0)} ms`,
    );
    await wait(3 * intervalMs);
    // What was kept, and then one each interval; two may come close to each other.
    const most = Math.max(
      ...[...returns.values()].map((times) => times.filter((at) => at - times[0]! < intervalMs / 2).length),
    );
    findings.hold(most <= 2, `${most} messages of a topic came at once`);
    findings.failures.push(...(await pair.verdict()));
    findings.hold(ear.history.missed > 0, 'the outage has cost no message');
    return {
      seen: `${topics} topics, ${ear.history.missed} messages missed, as many as were numbered meanwhile; all heard again after ${(againMs / 1000).toFixed(1)} s, at most ${most} messages of a topic at once; memory of a bridge ${(Math.max(...after) / 1024).toFixed(0)} MiB, ${growth} KiB more than at the beginning of the outage`,
      failures: findings.failures,
    };
  },
};
