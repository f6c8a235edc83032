import { setTimeout as wait } from 'node:timers/promises';

import { BareNats } from '../../fleet/bare-nats.ts';
import { Driver } from '../../fleet/driver.ts';
import { Ear, OriginRecord } from '../../fleet/ear.ts';
import { FleetHistory } from '../../fleet/fleet-history.ts';
import { FleetMachine } from '../../fleet/fleet-machine.ts';
import { NatsServer } from '../../fleet/nats-server.ts';
import { within } from '../../fleet/within.ts';
import { percentile } from '../../helpers/figures.ts';
import { cpuMicroseconds, residentKiB } from '../../helpers/proc.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

/** How late a message may be heard on another machine, p99, in milliseconds. */
const LATE_MS = 50;

export const fleetTrial: Trial = {
  name: 'fleet',
  holds:
    '20 machines and 100 driven ones with 20 topics each at 1 Hz, one listener to remote.>: nothing is missed, p99 from tick to listener is under 50 ms',
  async run(scale) {
    const [count, driven, topicCount] = [scale.of(20, 3), scale.of(100, 3), scale.of(20, 3)];
    const intervalMs = scale.of(1000, 100);
    const findings = new Findings();
    await using stack = new AsyncDisposableStack();
    const server = stack.use(await NatsServer.start());
    const names = Array.from({ length: count }, (_, index) => `web${index + 1}`);
    const topics = Object.fromEntries(
      Array.from({ length: topicCount }, (_, index) => [
        `t.${index + 1}`,
        { interval: `${intervalMs}ms`, data: [0.4, 0.3, 0.2] },
      ]),
    );
    const history = new FleetHistory();
    const machines = await FleetMachine.startAll(
      names.map((name) => ({ name, servers: [server.url], topics })),
      stack,
    );
    const [listening, ...others] = machines as [FleetMachine, ...FleetMachine[]];
    for (const { name, daemon } of others) {
      const record = new OriginRecord(name, daemon.connect(), 't.>', history);
      stack.defer(() => record.end());
    }
    const driver = stack.use(
      await Driver.start({
        servers: server.url,
        name: 'driven',
        machines: driven,
        topics: topicCount,
        intervalMs,
      }),
    );
    const ear = stack.use(new Ear('web1', listening.daemon.connect(), 'remote.>', history));
    scale.say('waiting for the first message of each topic');
    const heardTopics = (others.length + driven) * topicCount;
    await within(60_000, `web1 hears ${heardTopics} topics`, ear.hears(heardTopics));
    await wait(scale.of(5000, 0)); // What the start costs is not looked at.

    scale.say('measuring');
    const bare = stack.use(await BareNats.start(server.url));
    ear.lateness.length = 0;
    const before = machines.map(({ bridge }) => cpuMicroseconds(bridge.pid));
    const heardBefore = ear.history.messages;
    await wait(scale.of(60_000, 2000));
    const spent = machines.map(({ bridge }, index) => cpuMicroseconds(bridge.pid) - before[index]!);
    const heard = ear.history.messages - heardBefore;
    const [late, bareLate] = [ear.lateness.slice(), bare.lateness.slice()];

    await driver.rest(history);
    findings.failures.push(...(await within(20_000, 'web1 hears the latest messages', ear.verdict())));
    findings.hold(ear.history.missed === 0, `${ear.history.missed} messages were missed`);
    const p99 = percentile(late, 99);
    findings.hold(!scale.full || p99 < LATE_MS, `p99 is ${p99.toFixed(1)} ms`);
    const exported = (heard * others.length) / (others.length + driven);
    const exporting = sum(spent.slice(1)) / exported;
    const memory = machines.map(({ bridge }) => residentKiB(bridge.pid) / 1024);
    return {
      seen: `${heardTopics} topics of ${others.length + driven} machines, ${heard} messages, ${ear.history.missed} missed; from tick to listener p50 ${percentile(late, 50).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (bare NATS: ${percentile(bareLate, 50).toFixed(2)} and ${percentile(bareLate, 99).toFixed(2)} ms); CPU for a message ${exporting.toFixed(0)} µs to export, ${(spent[0]! / heard).toFixed(0)} µs to import; memory of a bridge ${Math.max(...memory.slice(1)).toFixed(0)} MiB exporting, ${memory[0]!.toFixed(0)} MiB importing`,
      failures: findings.failures,
    };
  },
};

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
