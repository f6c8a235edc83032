import { chmodSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

import { percentile } from '../../helpers/figures.ts';
import { residentKiB } from '../../helpers/proc.ts';
import { attacks } from '../attacks.ts';
import type { Way } from '../attacks.ts';
import { Fleet } from '../fleet.ts';
import { Hostile } from '../hostile.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

const INTERVAL_MS = 50;
const MOST_GROWTH_MIB = 64;
const MOST_LINES_A_SECOND = 20;

export const oneUser: Trial = {
  name: 'one-user',
  holds:
    '200 connections of one user at full speed, in each of 18 ways: other users miss no tick of 50 ms, p99 under 20 ms; the daemon grows by less than 64 MiB and logs fewer than 20 lines per second of that user',
  async run(scale) {
    const findings = new Findings();
    const ms = scale.of(8000, 2000);
    const names = Array.from({ length: scale.of(500, 50) }, (_, index) => `a.topic.${index}`);
    const others = Object.fromEntries(names.map((name) => [name, { interval: '1h', data: 1 }]));
    const topics = { tick: { interval: `${INTERVAL_MS}ms`, data: 1 }, p: { publish: true }, ...others };
    await using daemon = await scale.start({ topics, clients: { maxPerUser: 5000 } });
    chmodSync(daemon.socket, 0o666);
    chmodSync(daemon.folder.path, 0o755);
    const before = residentKiB(daemon.program.pid);
    let [worstP99, worstGrowth, mostLines] = [0, 0, 0];
    const seen: string[] = [];
    const fleet = { kind: 'socket', socket: daemon.socket, count: 10, topics: ['tick'] } as const;
    await using healthy = await Fleet.start({ ...fleet, topics: ['tick'] });
    let heard = 0;
    const every = Object.keys(attacks) as Way[];
    // In short, all at once.
    for (const ways of scale.full ? every.map((way) => [way]) : [every]) {
      const attack = ways.join(', ');
      const from = daemon.log.items.length;
      const began = performance.now();
      await using hostile = await Hostile.start(daemon.socket, ways, scale.of(200, 2 * every.length));
      const until = performance.now() + ms;
      let most = 0;
      while (performance.now() < until) {
        most = Math.max(most, residentKiB(daemon.program.pid) - before);
        await wait(50);
      }
      const { clients, lateness: all } = await healthy.report();
      const lateness = all.slice(heard);
      heard = all.length;
      await hostile[Symbol.asyncDispose]();
      const seconds = (performance.now() - began) / 1000;
      const lines = (daemon.log.items.length - from) / Math.max(seconds, 1);
      const p99 = percentile(lateness, 99);
      const missed = clients.reduce((sum, client) => sum + client.missed, 0);
      const unharmed = clients.every(({ connected, violations }) => connected && violations.length === 0);
      findings.hold(unharmed && missed === 0, `${attack}: others were harmed, ${missed} missed`);
      findings.hold(!scale.full || p99 < 20, `${attack}: p99 ${p99.toFixed(1)} ms`);
      findings.hold(
        !scale.full || most / 1024 < MOST_GROWTH_MIB,
        `${attack}: +${Math.round(most / 1024)} MiB`,
      );
      findings.hold(lines < MOST_LINES_A_SECOND, `${attack}: ${Math.round(lines)} lines a second`);
      worstP99 = Math.max(worstP99, p99);
      worstGrowth = Math.max(worstGrowth, most / 1024);
      mostLines = Math.max(mostLines, lines);
      seen.push(`${attack}: p99 ${p99.toFixed(1)} ms, +${Math.round(most / 1024)} MiB`);
      scale.say(`${seen.at(-1)}, ${missed} missed, ${Math.round(lines)} lines/s`);
    }
    const { skippedTicks } = (await daemon.status()).topics.find(({ topic }) => topic === 'tick')!;
    findings.hold(!scale.full || skippedTicks === 0, `${skippedTicks} ticks were skipped`);
    return {
      seen: `worst of ${seen.length} ways: p99 ${worstP99.toFixed(1)} ms, +${Math.round(worstGrowth)} MiB, ${Math.round(mostLines)} lines a second; ${skippedTicks} ticks skipped`,
      failures: findings.failures,
    };
  },
};
