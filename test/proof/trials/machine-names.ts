import { writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';

import { loadConfig } from '../../../src/config/load.ts';
import { ChimedError } from '../../../src/errors.ts';
import { Ear, OriginRecord } from '../../fleet/ear.ts';
import { FleetHistory } from '../../fleet/fleet-history.ts';
import { FleetMachine } from '../../fleet/fleet-machine.ts';
import { NatsServer } from '../../fleet/nats-server.ts';
import { within } from '../../fleet/within.ts';
import { temporaryFolder } from '../../helpers/folder.ts';
import { Findings } from '../trial.ts';
import type { Trial } from '../trial.ts';

/** Settings of `nats` that nobody can mean, and what the sentence about each must contain. */
const mistakes: readonly [nats: object, sentence: RegExp][] = [
  [{ name: 'web.1' }, /name/],
  [{ name: '*' }, /name/],
  [{ name: '' }, /name/],
  [{ name: 'x'.repeat(65) }, /name/],
  [{ prefix: '>' }, /prefix/],
  [{ prefix: 'a.*' }, /prefix/],
  [{ prefix: 'a b' }, /prefix/],
  [{ export: 'remote.>' }, /remote\.>.*never leave/],
  [{ export: 'remote.web2.host.load' }, /never leave/],
  [{ export: ['host.>', 'fleet.link'] }, /never leave/],
  [{ export: 'chimed.>' }, /reserved|chimed/],
  [{ import: [{ from: 'web1', topics: '>' }] }, /this machine/],
  [{ import: [{ from: 'web2', topics: 'remote.>' }] }, /never leave|remote/],
  [{ import: [{ from: 'web.2', topics: '>' }] }, /from/],
  [{ import: [{ topics: '>' }] }, /from/],
  [{ import: [{ from: 'web2' }] }, /topics/],
  [{ import: 'web2' }, /import/],
  [{ servers: [] }, /servers/],
  [{ servers: 'nats://user:secret@localhost' }, /credentials/],
  [{ servers: 'http://localhost:4222' }, /servers/],
  [{ servers: 'localhost:99999' }, /servers/],
  [{ stream: 'a.b' }, /stream/],
  [{ servers: undefined }, /servers/],
];

export const machineNames: Trial = {
  name: 'names',
  holds:
    'wrong settings, two bridges with one name, machines that hear each other in a circle: a sentence, no loop, no duplicates',
  async run() {
    const findings = new Findings();
    checkMistakes(findings);
    const taken = await twoOfOneName(findings);
    const circle = await inACircle(findings);
    return {
      seen: `${mistakes.length} wrong settings refused, each by a sentence; a second bridge of one name refused: "${taken}"; ${circle}`,
      failures: findings.failures,
    };
  },
};

function checkMistakes(findings: Findings): void {
  using folder = temporaryFolder();
  const file = folder.file('chimed.yaml');
  for (const [nats, sentence] of mistakes) {
    writeFileSync(file, JSON.stringify({ nats: { servers: 'localhost', name: 'web1', ...nats } }));
    const said = mistakesOf(file);
    const shown = JSON.stringify(nats);
    findings.hold(said !== undefined, `${shown} was accepted`);
    if (said === undefined) continue;
    findings.hold(sentence.test(said), `${shown}: ${said}`);
    findings.hold(!said.includes('secret'), `${shown}: the password is shown`);
  }
}

/** What `chimed check` and both programs say of a file; undefined if it is right. */
function mistakesOf(file: string): string | undefined {
  try {
    loadConfig(file, {});
    return undefined;
  } catch (error) {
    if (!(error instanceof ChimedError)) throw error;
    return error.message;
  }
}

/** @returns what the refused one said. */
async function twoOfOneName(findings: Findings): Promise<string> {
  await using server = await NatsServer.start();
  const options = { name: 'web1', servers: [server.url], topics: { t: { interval: '50ms', data: 1 } } };
  await using owner = await FleetMachine.start(options);
  await within(20_000, 'web1 connects', owner.linked());
  await within(20_000, 'web1 has its name', hears(server.url, 'chimed-fleet.web1.here'));
  await using second = await FleetMachine.start(options);
  const exitCode = await within(20_000, 'the second bridge ends', second.bridge.ended);
  const said = `${second.bridge.output.stdout}\n${second.bridge.output.stderr}`;
  findings.hold(exitCode !== 0, 'a second bridge of the same name ended with 0');
  const [sentence = ''] = /the machine name web1 is taken by[^"\n]*/.exec(said) ?? [];
  findings.hold(sentence.includes(`pid ${owner.bridge.pid}`), `it does not say who has the name: ${said}`);
  findings.hold(owner.bridge.child.exitCode === null, 'the owner of the name has ended');

  // Its own restart is no second one, however it ended.
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const from = owner.link.items.length;
    await owner.restartBridge(signal);
    await within(
      20_000,
      `web1 is back after ${signal}`,
      owner.linkIs(({ connected }) => connected === 1, from),
    );
    await within(20_000, `web1 has its name after ${signal}`, hears(server.url, 'chimed-fleet.web1.here'));
    findings.hold(owner.bridge.child.exitCode === null, `web1 was refused after ${signal}`);
  }

  await owner.stopBridge();
  await using third = await FleetMachine.start(options);
  await owner.restartBridge(); // Both at once.
  await within(20_000, 'one of two ends', Promise.race([owner.bridge.ended, third.bridge.ended]));
  await within(20_000, 'one of two has the name', hears(server.url, 'chimed-fleet.web1.here'));
  const running = [owner, third].filter(({ bridge }) => bridge.child.exitCode === null);
  findings.hold(running.length === 1, `${running.length} of two bridges that started at once go on`);
  return sentence;
}

/** Three machines, each of which exports everything and imports everything. */
async function inACircle(findings: Findings): Promise<string> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await NatsServer.start());
  const subjects = new Set<string>();
  const spy = await connect({ servers: server.url });
  stack.defer(() => spy.close());
  spy.subscribe('chimed.>', { callback: (_, { subject }) => void subjects.add(subject) });
  await spy.flush();
  const names = ['web1', 'web2', 'web3'];
  const topics = { 't.1': { interval: '50ms', data: 1 }, 't.2': { interval: '50ms', data: 2 } };
  const machines = await FleetMachine.startAll(
    names.map((name) => ({ name, servers: [server.url], topics })),
    stack,
  );
  // Each keeps its own history: a machine's own topics do not come back to it.
  const ears = machines.map((machine) => {
    const history = new FleetHistory();
    for (const other of machines.filter((one) => one !== machine)) {
      const record = new OriginRecord(other.name, other.daemon.connect(), 't.>', history);
      stack.defer(() => record.end());
    }
    return stack.use(new Ear(machine.name, machine.daemon.connect(), 'remote.>', history));
  });
  for (const ear of ears) await within(30_000, 'all hear four topics', ear.hears(4));
  await wait(1000);
  for (const ear of ears) {
    findings.failures.push(...(await within(20_000, 'all are caught up', ear.verdict())));
    const heard = ear.history.topics.toSorted();
    findings.hold(heard.length === 4, `${ear.history.name} hears ${heard.join(', ')}`);
    findings.hold(ear.history.missed === 0, `${ear.history.name} missed ${ear.history.missed}`);
  }
  const expected = names.flatMap((name) => [`chimed.${name}.t.1`, `chimed.${name}.t.2`]);
  const sent = [...subjects].toSorted();
  findings.hold(sent.join() === expected.join(), `these subjects were sent: ${sent.join(', ')}`);
  return `three machines in a circle: ${expected.length} topics sent, each once`;
}

/** Waits for the next message on a subject. */
async function hears(servers: string, subject: string): Promise<void> {
  const nats = await connect({ servers });
  await new Promise<void>((resolve) => {
    nats.subscribe(subject, { max: 1, callback: () => resolve() });
  });
  await nats.close();
}
