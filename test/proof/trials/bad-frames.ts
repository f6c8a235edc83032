import { once } from 'node:events';

import { residentKiB } from '../../helpers/proc.ts';
import { RawClient } from '../../helpers/raw-client.ts';
import { Fleet } from '../fleet.ts';
import { Findings, seeded } from '../trial.ts';
import type { Trial } from '../trial.ts';

const SEED = 11;
/** Frames on one connection, unless it is closed before. */
const FRAMES_EACH = 100;
const MOST_GROWTH_KIB = 64 * 1024;

const sound = [
  '{"type":"chimed.register","data":{"name":"n","topics":["tick",">"]}}',
  '{"type":"chimed.publish","data":{"topic":"p","data":{"deep":[1,[2,[3]]]},"id":7}}',
  '{"type":"chimed.unregister","data":{"topics":["tick"]}}',
  '{"type":"chimed.status","data":{}}',
  '{"type":"tick","data":"hello"}',
];

/** A sound frame with a few of its bytes changed, doubled, cut out or moved; and its end, or not. */
function mutated(random: () => number): Buffer {
  const below = (limit: number): number => Math.floor(random() * limit);
  let bytes = Buffer.from(`${sound[below(sound.length)]!}\f`);
  for (let change = below(4); change >= 0; change--) {
    const at = below(bytes.length);
    const to = at + below(bytes.length - at) + 1;
    const [head, part, tail] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
    const ways = [
      [head, Buffer.from([below(256)]), tail],
      [head, part, part, tail],
      [head, tail],
      [tail, part, head],
    ];
    bytes = Buffer.concat(ways[below(ways.length)]!);
    if (bytes.length === 0) bytes = Buffer.from('\f');
  }
  return bytes;
}

export const badFrames: Trial = {
  name: 'bad-frames',
  holds:
    '1,000,000 mutated frames among healthy clients: no crash, no tick missed by the healthy, memory flat, log lines bounded',
  async run(scale) {
    const frames = scale.of(1_000_000, 5000);
    const random = seeded(SEED);
    const findings = new Findings();
    await using daemon = await scale.start({
      topics: { tick: { interval: '50ms', data: 1 }, p: { publish: true } },
    });
    await using healthy = await Fleet.start({
      kind: 'socket',
      socket: daemon.socket,
      count: 20,
      topics: ['tick'],
    });
    const before = residentKiB(daemon.program.pid);
    let sent = 0;
    let connections = 0;
    while (sent < frames) {
      const client = await RawClient.connect(daemon.socket).catch(() => undefined);
      if (!client) break;
      connections++;
      client.frames.push = () => {}; // What it is answered is nobody's concern here.
      const batch = Array.from({ length: Math.min(FRAMES_EACH, frames - sent) }, () => mutated(random));
      sent += batch.length;
      const closed = once(client.socket, 'close');
      client.socket.end(Buffer.concat(batch));
      await closed;
      if (connections % 1000 === 0) scale.say(`${sent} frames on ${connections} connections`);
    }
    const { seq } = (await daemon.status()).topics[0]!;
    await healthy.heard('tick', seq + 1);
    const report = await healthy.report();
    findings.histories(report);
    findings.hold(sent === frames && daemon.program.child.exitCode === null, 'the daemon did not survive');
    findings.hold(
      report.clients.every(({ connected, missed }) => connected && missed === 0),
      'a healthy client was harmed',
    );
    const grown = residentKiB(daemon.program.pid) - before;
    findings.hold(grown < MOST_GROWTH_KIB, `memory grew by ${grown} KiB`);
    const lines = daemon.log.items.length / connections;
    findings.hold(lines < 10, `${lines} lines for each connection`);
    return {
      seen: `seed ${SEED}: ${sent} frames on ${connections} connections, 0 crashes, 0 ticks missed; memory ${grown < 0 ? '' : '+'}${Math.round(grown / 1024)} MiB, ${lines.toFixed(1)} log lines a connection`,
      failures: findings.failures,
    };
  },
};
