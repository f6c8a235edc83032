import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

import type { TopicStatus } from '../../../src/protocol/status-snapshot.ts';
import { percentile } from '../../helpers/figures.ts';
import { Fleet } from '../fleet.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

const INTERVAL_MS = 100;
/** Something that no other process has in its arguments. */
const MARK = `chimed-proof-${process.pid}`;

const bad = {
  hangs: { command: ['sleep', '3600'] },
  children: { command: `for i in $(seq 100); do sh -c 'sleep 3600; : ${MARK}' & done; wait` },
  prints: { command: 'head -c 104857600 /dev/zero' },
  shouts: { command: 'yes >&2' },
  deaf: { command: ['sh', '-c', `trap '' TERM; while :; do sleep 1; done; : ${MARK}`] },
  throws: { module: 'throws.mjs' },
  never: { module: 'never.mjs' },
  blocks: { module: 'blocks.mjs' },
  exits: { module: 'exits.mjs' },
  eats: { module: 'eats.mjs', timeout: '10s' },
  chatters: { module: 'chatters.mjs' },
  escapes: {
    command: `setsid sh -c 'sleep 3600; : ${MARK}' & (setsid sh -c 'sleep 3600; : ${MARK}' &) ; exit 1`,
  },
};

const modules = {
  throws: 'throw new Error("on purpose");',
  never: 'await new Promise(() => {});',
  blocks: 'for (;;);',
  exits: 'process.exit(0);',
  chatters: 'for (;;) console.log("x");',
  eats: 'const all = []; for (;;) all.push(Buffer.alloc(2 ** 20, 1));',
};

export const sources: Trial = {
  name: 'sources',
  holds:
    'commands that hang, leave 100 children, leave children in sessions of their own, print 100 MiB, write to stderr endlessly and ignore SIGTERM, and modules that throw, never settle, block, exit, eat memory and print endlessly, all at once: 99 of 100 ticks of a healthy topic are within 20 ms',
  async run(scale) {
    const seconds = scale.of(30, 4);
    const findings = new Findings();
    const topics = Object.fromEntries(
      Object.entries(bad).map(([name, source]) => [
        name,
        { interval: '1s', timeout: scale.full ? '500ms' : '5s', always: true, ...source },
      ]),
    );
    await using daemon = await scale.start({ topics: { healthy: { interval: '1s', data: 1 } } });
    for (const [name, code] of Object.entries(modules))
      writeFileSync(daemon.folder.file(`${name}.mjs`), `export default async () => { ${code} };`);
    const healthy = { interval: `${INTERVAL_MS}ms`, host: 'load' };
    const { msg } = await daemon.reload({ topics: { healthy, ...topics } });
    if (msg !== 'reloaded') throw new Error(`the modules could not be loaded in time: ${msg}`);
    await using fleet = await Fleet.start({
      kind: 'socket',
      socket: daemon.socket,
      count: 10,
      topics: ['healthy'],
    });
    let status = await daemon.status();
    const isFailing = ({ failures }: TopicStatus): boolean => failures > 0;
    // On a busy machine some take their time to fail: they have what the ticks leave.
    do {
      const { seq } = status.topics.find(({ topic }) => topic === 'healthy')!;
      await fleet.heard('healthy', seq + (seconds * 1000) / INTERVAL_MS);
      status = await daemon.status();
    } while (status.topics.filter(isFailing).length < Object.keys(bad).length);
    const report = await fleet.report();
    findings.histories(report);
    const { skippedTicks, lateP99Ms } = status.topics[0]!;
    findings.hold(!scale.full || skippedTicks === 0, `${skippedTicks} ticks were skipped`);
    findings.hold(!scale.full || lateP99Ms! < 20, `p99 of lateness ${lateP99Ms!.toFixed(1)} ms`);
    await daemon.program.kill().ended;
    const left = spawnSync('pgrep', ['-f', MARK], { encoding: 'utf8' })
      .stdout.trim()
      .split('\n')
      .filter(Boolean);
    findings.hold(left.length === 0, `${left.length} processes were left behind`);
    return {
      seen: `${seconds} s beside ${Object.keys(bad).length} bad sources: ticks ${lateP99Ms!.toFixed(1)} ms late at p99, arrival p99 ${percentile(report.lateness, 99).toFixed(1)} ms, ${skippedTicks} skipped; 0 processes left behind`,
      failures: findings.failures,
    };
  },
};
