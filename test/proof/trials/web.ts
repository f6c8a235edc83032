import { Agent, request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

import { TestGateway } from '../../helpers/gateway.ts';
import { residentKiB } from '../../helpers/proc.ts';
import { Fleet } from '../fleet.ts';
import { Readers } from '../readers.ts';
import type { ReadersReport } from '../readers-process.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

/** Memory of the gateway with all streams: well below what its unit allows. */
const MOST_KIB = 320 * 1024;
/** How many connections flood /metrics. */
const FLOODERS = 16;
/** How long a reader may take nothing, in milliseconds, with room to spare. */
const STALLED_MS = 45_000;

export const web: Trial = {
  name: 'web',
  holds:
    '1,000 readers of server-sent events, 100 of which stop reading: the others miss nothing, memory is bounded, each that reads again is told how many it missed, the rest are disconnected; a flood of /metrics delays no tick of the daemon',
  async run(scale) {
    const count = scale.of(1000, 20);
    const frozen = count / 10;
    const intervalMs = scale.of(1000, 50);
    const findings = new Findings();
    const topics = {
      tick: { interval: `${intervalMs}ms`, data: 'x'.repeat(1000) },
      big: { interval: `${scale.of(100, 20)}ms`, data: 'x'.repeat(20_000) },
    };
    await using daemon = await scale.start({ topics });
    await using gateway = await TestGateway.start(daemon);
    const { socketPath } = gateway;
    await using native = await Fleet.start({
      kind: 'socket',
      socket: daemon.socket,
      count: 1,
      topics: ['tick'],
    });
    await using healthy = await Readers.start({ socketPath, topic: 'tick', count: count - frozen });
    await using stopping = await Readers.start({ socketPath, topic: 'big', count: frozen });
    await healthy.report(); // What it took to begin is not looked at.
    const { pid } = gateway.program;
    const before = residentKiB(pid);
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, residentKiB(pid))), 100);

    scale.say('some readers stop reading');
    await stopping.freeze();
    await wait(scale.of(10_000, 1500));
    await stopping.thaw(frozen / 2);
    await stopping.told(frozen / 2);
    if (scale.full) await allGone(stopping, frozen - frozen / 2);
    const calm = await healthy.report();
    clearInterval(watch);
    checkHealthy(calm, findings);
    const told = (await stopping.report()).readers.slice(0, frozen / 2);
    for (const { first, last, received, missed, violations } of told)
      findings.hold(
        violations === 0 && received + missed === last - first + 1,
        `a reader got ${received} and was told of ${missed} missed, from ${first} to ${last}`,
      );
    findings.hold(!scale.full || most < MOST_KIB, `${mib(most)} MiB of memory`);

    scale.say('flooding /metrics');
    const quiet = await lateness(daemon);
    const perSecond = await flood(socketPath, scale.of(10_000, 500));
    const late = await lateness(daemon);
    const flooded = await healthy.report();
    checkHealthy(flooded, findings);
    const { clients } = await native.report();
    findings.hold(
      clients.every(({ missed, connected }) => missed === 0 && connected),
      'the native client was harmed',
    );
    return {
      seen: `${count - frozen} readers missed nothing, p99 ${calm.p99Ms} ms; ${frozen / 2} were told of ${sum(told)} missed, exactly; ${frozen / 2} disconnected; memory ${mib(before)} MiB, at most ${mib(most)}; ${perSecond.toFixed(0)} requests/s on /metrics: ticks late by ${late.toFixed(1)} ms at most p99 (${quiet.toFixed(1)} before), readers p99 ${flooded.p99Ms} ms`,
      failures: findings.failures,
    };
  },
};

function mib(kib: number): string {
  return (kib / 1024).toFixed(0);
}

function checkHealthy({ readers }: ReadersReport, findings: Findings): void {
  const harmed = readers.filter(
    ({ missed, violations, connected }) => missed > 0 || violations > 0 || !connected,
  );
  findings.hold(
    harmed.length === 0,
    `${harmed.length} healthy readers were harmed: ${JSON.stringify(harmed[0])}`,
  );
}

function sum(readers: readonly { missed: number }[]): number {
  return readers.reduce((total, { missed }) => total + missed, 0);
}

/** Waits until so many readers are disconnected. */
async function allGone(readers: Readers, count: number): Promise<void> {
  const until = performance.now() + STALLED_MS;
  while (performance.now() < until) {
    const left = (await readers.report()).readers.filter(({ connected }) => !connected);
    if (left.length >= count) return;
    await wait(500);
  }
}

/** How late the ticks of the slower topic came, p99 since the daemon was started, in milliseconds. */
async function lateness(daemon: {
  status(): Promise<{ topics: { topic: string; lateP99Ms: number | null }[] }>;
}): Promise<number> {
  const { topics } = await daemon.status();
  return topics.find(({ topic }) => topic === 'big')?.lateP99Ms ?? 0;
}

/** Asks for metrics as fast as it goes. @returns how many answers came in a second. */
async function flood(socketPath: string, forMs: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: FLOODERS });
  const until = performance.now() + forMs;
  let answers = 0;
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const sent = request({ socketPath, path: '/metrics', agent }, (response) => {
        response.resume().once('end', resolve);
      });
      sent.once('error', reject).end();
    });
  const asker = async (): Promise<void> => {
    for (; performance.now() < until; answers++) await ask();
  };
  await Promise.all(Array.from({ length: FLOODERS }, asker));
  agent.destroy();
  return (answers / forMs) * 1000;
}
