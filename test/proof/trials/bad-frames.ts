import { once } from 'node:events';
import { connect } from 'node:net';

import type { Frame } from '../../../src/protocol/messages.ts';
import { residentKiB } from '../../helpers/proc.ts';
import { Fleet } from '../fleet.ts';
import { Findings, seeded } from '../trial.ts';
import type { Trial } from '../trial.ts';

const SEED = 11;
/** Connections at a time. */
const PEERS = 8;
/** Most frames on one connection: an answer to each must fit into what the daemon lets wait. */
const MOST_FRAMES = 50;
/** One user's lines, and a few of the daemon's own. */
const MOST_LINES_A_SECOND = 30;
const MOST_GROWTH_KIB = 64 * 1024;
const FORM_FEED = Buffer.from('\f');

const sound: readonly Frame[] = [
  { type: 'chimed.register', data: { name: 'n', topics: ['tick', '>'] } },
  { type: 'chimed.register', data: { topics: ['p'], resume: { instance: 'i', after: { p: 7 } } } },
  { type: 'chimed.publish', data: { topic: 'p', data: { deep: [1, [2, [3]]] }, id: 7 } },
  { type: 'chimed.unregister', data: { topics: ['tick'] } },
  { type: 'chimed.status', data: {} },
  { type: 'tick', data: 'hello' },
];

/** What programs choke on, as JSON. */
const nasty = [
  'null true [] {} "" 0 -0 -1 1.5 1e308 9007199254740993 "__proto__" "constructor" "*" ">" "*.>" "chimed.x"'.split(
    ' ',
  ),
  [
    '{"__proto__":{"admin":true}}',
    '{"toString":1,"length":-1}',
    '"\\ud800"',
    '"\\u0000\\u000c"',
    '"é\u2028"',
  ],
  [
    '['.repeat(900) + ']'.repeat(900),
    '['.repeat(6000) + ']'.repeat(6000),
    JSON.stringify('x'.repeat(5000)),
    `[${'"tick",'.repeat(300)}"p"]`,
  ],
].flat();

/** A sound frame in which one value, somewhere, is another. */
function misshapen(random: () => number): string {
  const below = (limit: number): number => Math.floor(random() * limit);
  const text = JSON.stringify(sound[below(sound.length)]);
  // A value and not a key: what a colon, a comma or a bracket comes before.
  const values = [...text.matchAll(/(?<=[:,[])("[^"]*"(?!:)|\d+|\{\}|\[[^[\]]*\]|\{[^{}]*\})/g)];
  const { 0: value, index } = values[below(values.length)]!;
  return text.slice(0, index) + nasty[below(nasty.length)]! + text.slice(index + value.length);
}

/** A sound frame of which some bytes are changed, doubled, cut out or moved. */
function mangled(random: () => number): Buffer {
  const below = (limit: number): number => Math.floor(random() * limit);
  let bytes = Buffer.from(JSON.stringify(sound[below(sound.length)]));
  for (let change = below(4); change >= 0 && bytes.length > 0; change--) {
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
  }
  return bytes;
}

/** Frames for one connection, up to the first that breaks the framing: there the daemon stops to read. */
function framesForOne(random: () => number, most: number): { frames: Buffer[]; broken: boolean } {
  const frames: Buffer[] = [];
  while (frames.length < most) {
    const frame = random() < 0.1 ? mangled(random) : Buffer.from(misshapen(random));
    frames.push(frame);
    if (!String(frame).split('\f').every(keepsFraming)) return { frames, broken: true };
  }
  return { frames, broken: false };
}

/** More levels than a frame may have, as the daemon knows them from what it reads. */
function isTooDeep(value: unknown, levels = 66): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isTooDeep(inner, levels - 1));
}

function keepsFraming(text: string): boolean {
  try {
    const value = JSON.parse(text) as Frame | null;
    return typeof value?.type === 'string' && !isTooDeep(value);
  } catch {
    return false;
  }
}

export const badFrames: Trial = {
  name: 'bad-frames',
  holds:
    '1,000,000 mutated frames beside healthy clients: no crash, healthy clients miss no tick, memory is flat, log lines are bounded',
  async run(scale) {
    const total = scale.of(1_000_000, 4000);
    const findings = new Findings();
    await using daemon = await scale.start(
      {
        topics: { tick: { interval: '50ms', data: 1 }, p: { publish: true } },
        clients: { connectionsPerSecond: 1_000_000, bytesPerSecond: '1GiB' },
      },
      { level: 'debug' }, // All lines, also those that are too many.
    );
    const began = performance.now();
    await using healthy = await Fleet.start({
      kind: 'socket',
      socket: daemon.socket,
      count: 20,
      topics: ['tick'],
    });
    const before = residentKiB(daemon.program.pid);
    const counts = { sent: 0, connections: 0, broken: 0, found: 0, lines: 0 };
    const readLog = (): void => {
      daemon.program.stdout.items.length = 0;
      const lines = daemon.log.items.splice(0);
      counts.lines += lines.filter(({ level }) => level !== 'debug').length;
      counts.found += lines.filter(
        ({ msg, reason }) => msg === 'client disconnected' && reason !== 'left',
      ).length;
    };
    const peer = async (index: number): Promise<void> => {
      const random = seeded(SEED + index);
      for (let left = total / PEERS; left > 0;) {
        const { frames, broken } = framesForOne(random, Math.min(MOST_FRAMES, left));
        left -= frames.length;
        counts.sent += frames.length;
        if (broken) counts.broken++;
        if (++counts.connections % 20_000 === 0)
          scale.say(`${counts.sent} frames on ${counts.connections} connections`);
        const socket = connect(daemon.socket).on('error', () => {});
        socket.resume(); // What it is answered is nobody's concern here.
        // In two pieces, wherever they end, also in the middle of a character.
        const bytes = Buffer.concat(frames.flatMap((frame) => [frame, FORM_FEED]));
        const cut = Math.floor(random() * bytes.length);
        socket.write(bytes.subarray(0, cut));
        socket.end(bytes.subarray(cut));
        await once(socket, 'close');
        readLog();
      }
    };
    await Promise.all(Array.from({ length: PEERS }, (_, index) => peer(index)));
    const { seq } = (await daemon.status()).topics[0]!;
    await healthy.heard('tick', seq + 1);
    const report = await healthy.report();
    findings.histories(report);
    // Who comes last is logged last.
    await using last = daemon.connect({ name: 'last' });
    await last.status();
    await last.close();
    await daemon.log.find(({ name, msg }) => name === 'last' && msg === 'client disconnected');
    readLog();
    findings.hold(daemon.program.child.exitCode === null, 'the daemon did not survive');
    findings.hold(
      counts.found === counts.broken,
      `${counts.broken} connections had broken frames, ${counts.found} were closed for it`,
    );
    findings.hold(
      report.clients.every(({ connected, missed }) => connected && missed === 0),
      'a healthy client was harmed',
    );
    const grown = residentKiB(daemon.program.pid) - before;
    findings.hold(grown < MOST_GROWTH_KIB, `memory grew by ${grown} KiB`);
    const { sent, connections, found, lines } = counts;
    const linesPerSecond = lines / ((performance.now() - began) / 1000);
    findings.hold(linesPerSecond < MOST_LINES_A_SECOND, `${linesPerSecond.toFixed(0)} log lines a second`);
    return {
      seen: `seed ${SEED}: ${sent} frames on ${connections} connections, ${found} of them closed for broken framing, 0 crashes, 0 ticks missed; memory ${grown < 0 ? '' : '+'}${Math.round(grown / 1024)} MiB, ${linesPerSecond.toFixed(1)} log lines a second`,
      failures: findings.failures,
    };
  },
};
