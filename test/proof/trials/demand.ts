import { setTimeout as wait } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';

import { FleetMachine } from '../../fleet/fleet-machine.ts';
import { NatsServer } from '../../fleet/nats-server.ts';
import { within } from '../../fleet/within.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

/** Room for the topics of all machines. */
const NAMESPACE = { provide: true, maxTopics: 30_000, totalBytes: '256MiB' };

export const demand: Trial = {
  name: 'demand',
  holds:
    '1,000 topics on each of 20 machines: while nobody listens, no sample is taken and no message is sent; with a listener, only its topics; when it leaves, none again',
  async run(scale) {
    const [count, topicCount] = [scale.of(20, 3), scale.of(1000, 50)];
    const findings = new Findings();
    await using stack = new AsyncDisposableStack();
    const server = stack.use(await NatsServer.start());
    const topics = Object.fromEntries(
      Array.from({ length: topicCount }, (_, index) => [`t.${index + 1}`, { interval: '50ms', data: index }]),
    );
    const spy = await connect({ servers: server.url });
    stack.defer(() => spy.close());
    const sent = new Map<string, number>();
    spy.subscribe('chimed.>', {
      callback: (_, { subject }) => void sent.set(subject, (sent.get(subject) ?? 0) + 1),
    });
    await spy.flush();
    const names = Array.from({ length: count }, (_, index) => `web${index + 1}`);
    const machines = await FleetMachine.startAll(
      names.map((name) => ({ name, servers: [server.url], topics: { 'remote.>': NAMESPACE, ...topics } })),
      stack,
    );
    const [first, second, third] = machines as [FleetMachine, FleetMachine, FleetMachine];
    for (const { name } of machines.slice(1))
      await within(60_000, `${name} is seen with its topics`, first.sees(name, topicCount));

    scale.say('nobody listens');
    await wait(scale.of(20_000, 1000));
    findings.hold(sent.size === 0, `messages were sent that nobody wants: ${[...sent.keys()].join(', ')}`);
    for (const machine of machines) {
      const awake = await awakeTopics(machine);
      findings.hold(awake.length === 0, `${machine.name} samples ${awake.length} topics that nobody wants`);
    }

    scale.say('one client listens');
    const wanted = [`remote.${second.name}.t.1`, `remote.${third.name}.t.7`];
    await using client = first.daemon.connect();
    const heard = new Set<string>();
    const began = performance.now();
    for await (const { topic } of client.listen(wanted)) {
      heard.add(topic);
      if (heard.size === wanted.length) break;
    }
    const wokeMs = performance.now() - began;
    // The loop has ended, and with it the demand: another one holds it.
    const listening = client.listen(wanted);
    await listening.next();
    await wait(scale.of(20_000, 1000));
    const subjects = ['chimed.web2.t.1', 'chimed.web3.t.7'];
    findings.hold(
      [...sent.keys()].toSorted().join() === subjects.join(),
      `not exactly the wanted topics were sent: ${[...sent.keys()].join(', ')}`,
    );
    const awake = (await Promise.all(machines.map(awakeTopics))).flat();
    findings.hold(awake.toSorted().join() === 't.1,t.7', `these topics are awake: ${awake.join(', ')}`);

    scale.say('it leaves');
    await client.close();
    const left = performance.now();
    await within(
      20_000,
      'web2 exports nothing',
      second.linkIs(({ exported }) => exported === 0),
    );
    await within(
      20_000,
      'web3 exports nothing',
      third.linkIs(({ exported }) => exported === 0),
    );
    const restMs = performance.now() - left;
    await spy.flush();
    sent.clear();
    await wait(scale.of(5000, 500));
    findings.hold(sent.size === 0, `still sent: ${[...sent.keys()].join(', ')}`);
    findings.hold((await awakeTopics(second)).length === 0, 'web2 still samples');

    scale.say('a machine is killed that listens');
    const orphaned = first.daemon.connect();
    stack.defer(() => orphaned.close());
    await orphaned.listen(wanted).next();
    await first.stopBridge('SIGKILL');
    await within(
      30_000,
      'the lease ends',
      second.linkIs(({ exported }) => exported === 0, second.link.items.length),
    );
    findings.hold((await awakeTopics(second)).length === 0, 'web2 samples for a machine that is gone');
    return {
      seen: `${count * topicCount} topics of ${count} machines: none sampled, no message; two wanted: exactly these two, heard after ${wokeMs.toFixed(0)} ms; asleep ${restMs.toFixed(0)} ms after the listener left, and after its machine was killed, too`,
      failures: findings.failures,
    };
  },
};

/** Topics of a machine's own that are sampled now. */
async function awakeTopics({ client }: FleetMachine): Promise<string[]> {
  const { topics } = await client.status({ topics: ['t.>'] });
  return topics.filter(({ awake }) => awake).map(({ topic }) => topic);
}
