import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

import { NatsCluster } from '../../fleet/nats-cluster.ts';
import type { NatsServer } from '../../fleet/nats-server.ts';
import { Pair } from '../../fleet/pair.ts';
import { within } from '../../fleet/within.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

const STREAM = 'CHIMED';
const HISTORY = 10_000;
/** Messages that are heard between two faults. */
const BETWEEN = 100;

const faults: Record<string, (server: NatsServer) => Promise<void>> = {
  killed: (server) => server.stop('SIGKILL'),
  stopped: (server) => server.stop(),
  'lame duck': (server) => server.lameDuck(),
};

export const natsServers: Trial = {
  name: 'servers',
  holds:
    'each of three servers is killed, stopped, and made a lame duck, in turn, and restarted, under load: every message arrives or is counted as missed; with a stream, all arrive',
  async run(scale) {
    const findings = new Findings();
    const config = { lame_duck_duration: '30s', lame_duck_grace_period: '1s' };
    await using cluster = await NatsCluster.start({ config });
    await makeStream(cluster);
    const servers = { origin: cluster.urls, listener: cluster.urls.toReversed() };
    const load = { servers, topics: 5, intervalMs: 50 };
    await using plain = await Pair.start({ ...load, nats: { prefix: 'plain' } });
    await using whole = await Pair.start({ ...load, history: HISTORY, nats: { stream: STREAM } });
    let count = 0;
    for (let round = 1; round <= scale.of(5, 1); round++)
      for (const [what, fault] of Object.entries(faults))
        for (const server of cluster.servers.slice(0, scale.of(3, 1))) {
          await within(60_000, `the server is ${what}`, fault(server));
          await heard(BETWEEN, plain, whole);
          await server.restart();
          await within(60_000, 'the cluster has a leader', cluster.leader());
          await heard(BETWEEN, plain, whole);
          count++;
          scale.say(`${what}: missed ${plain.ear.history.missed}, with a stream ${whole.ear.history.missed}`);
        }
    findings.failures.push(...(await plain.verdict()), ...(await whole.verdict()));
    const { missed } = whole.ear.history;
    findings.hold(missed === 0, `${missed} messages were missed despite the stream`);
    return {
      seen: `${count} servers lost in turn; without a stream ${plain.ear.history.messages} messages heard and ${plain.ear.history.missed} missed, all of them counted; with a stream ${whole.ear.history.messages} heard and ${missed} missed`,
      failures: findings.failures,
    };
  },
};

/** With a copy on each server: the bridge makes one with a single copy. */
async function makeStream({ urls }: NatsCluster): Promise<void> {
  const nats = await connect({ servers: urls });
  const manager = await jetstreamManager(nats);
  const add = () => manager.streams.add({ name: STREAM, subjects: ['chimed.>'], num_replicas: 3 });
  // Right after the start a cluster has too few servers for a moment.
  for (let attempt = 1; ; attempt++) {
    try {
      await add();
      break;
    } catch (error) {
      if (attempt === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
  await nats.close();
}

async function heard(messages: number, ...pairs: Pair[]): Promise<void> {
  for (const { ear } of pairs) await within(60_000, `${messages} more messages`, ear.hearsMore(messages));
}
