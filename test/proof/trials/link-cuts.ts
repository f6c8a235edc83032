import { setTimeout as wait } from 'node:timers/promises';

import { NatsServer } from '../../fleet/nats-server.ts';
import { Pair } from '../../fleet/pair.ts';
import { TcpRelay } from '../../fleet/tcp-relay.ts';
import { within } from '../../fleet/within.ts';
import { Findings, seeded } from '../trial.ts';
import type { Scale, Trial } from '../trial.ts';

const SEED = 18;
/** Longest time between two cuts, and longest cut, but for those that last until the bridge has to notice them. */
const LONGEST_MS = 300;
/** A frozen link is noticed within 10 s. */
const NOTICED_MS = 11_000;
/** Messages after which a link is known to work again. */
const WORKING = 10;
/** With a stream: more than are made in the longest cut. */
const HISTORY = 10_000;
/** One of so many cuts is a freeze that lasts. */
const LASTING = 50;

/** What is done to a link. */
const faults: readonly ((relay: TcpRelay) => void)[] = [
  (relay) => relay.cut('reset'),
  (relay) => relay.cut('close'),
  (relay) => relay.block(),
  (relay) => relay.freeze(),
  (relay) => relay.freeze('up'),
  (relay) => relay.freeze('down'),
];

export const linkCuts: Trial = {
  name: 'link-cuts',
  holds:
    'the links are cut 1,000 times at random, reset, closed, refused or frozen, also one way: what the listener missed is what the origin numbered and did not arrive, to the unit; with a stream and a history nothing is missed',
  async run(scale) {
    const findings = new Findings();
    const cuts = scale.of(500, 10);
    const [plain, whole] = await Promise.all([
      run(scale, cuts, {}, findings),
      run(scale, cuts, { stream: 'CHIMED' }, findings),
    ]);
    findings.hold(plain.missed > 0, 'no cut has cost a message');
    findings.hold(whole.missed === 0, `${whole.missed} messages were missed despite the stream`);
    return {
      seen: `${2 * cuts} cuts; without a stream ${plain.heard} messages heard and ${plain.missed} missed, exactly those that did not arrive of ${plain.numbered}; with a stream ${whole.heard} heard and ${whole.missed} missed`,
      failures: findings.failures,
    };
  },
};

interface Counts {
  heard: number;
  missed: number;
  numbered: number;
}

async function run(
  scale: Scale,
  cuts: number,
  nats: { stream?: string },
  findings: Findings,
): Promise<Counts> {
  const random = seeded(SEED);
  await using server = await NatsServer.start({ config: { jetstream: {} } });
  await using up = await TcpRelay.start(server);
  await using down = await TcpRelay.start(server);
  await using pair = await Pair.start({
    servers: { origin: [up.url], listener: [down.url] },
    topics: 5,
    intervalMs: 50,
    ...(nats.stream !== undefined && { history: HISTORY }),
    nats,
  });
  for (let cut = 1; cut <= cuts; cut++) {
    const relay = random() < 0.5 ? up : down;
    const isLasting = scale.full ? cut % LASTING === 0 : cut === cuts && nats.stream === undefined;
    // A fault that lasts must be one that nobody is told of.
    const fault = isLasting ? 3 + Math.floor(random() * 3) : Math.floor(random() * faults.length);
    faults[fault]!(relay);
    await wait(isLasting ? NOTICED_MS : random() * LONGEST_MS);
    if (isLasting) {
      const machine = relay === up ? pair.origin : pair.listener;
      findings.hold(machine.state?.connected === 0, `a frozen link was not noticed within ${NOTICED_MS} ms`);
    }
    relay.mend();
    relay.thaw();
    await within(30_000, `messages after cut ${cut}`, pair.ear.hearsMore(WORKING));
    await wait(random() * LONGEST_MS);
    if (cut % 100 === 0) scale.say(`${cut} cuts`);
  }
  findings.failures.push(...(await pair.verdict()));
  const { messages: heard, missed } = pair.ear.history;
  return { heard, missed, numbered: pair.history.count };
}
