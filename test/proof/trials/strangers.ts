import { writeFileSync } from 'node:fs';
import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';

import { Ear, OriginRecord } from '../../fleet/ear.ts';
import { FleetHistory } from '../../fleet/fleet-history.ts';
import { FleetMachine } from '../../fleet/fleet-machine.ts';
import { NatsServer } from '../../fleet/nats-server.ts';
import type { NatsServerConfig } from '../../fleet/nats-server.ts';
import { Pair } from '../../fleet/pair.ts';
import { within } from '../../fleet/within.ts';
import { temporaryFolder } from '../../helpers/folder.ts';
import { residentKiB } from '../../helpers/proc.ts';
import { Findings } from '../trial.ts';
import type { Scale, Trial } from '../trial.ts';

/** Of a made-up list, which has 5,000 names on each: more names than the namespace has room for. */
const PAGES = 20;
/** What a bridge may grow by, whatever strangers say, in KiB. */
const GROWTH_KIB = 256 * 1024;

export const strangers: Trial = {
  name: 'strangers',
  holds:
    "a server refuses wrong passwords and what is published under another machine's name, and the bridge says so in a sentence; forged frames are dropped and counted, and harm nobody",
  async run(scale) {
    const findings = new Findings();
    await rights(findings);
    const forged = await forgeries(scale, findings);
    return {
      seen: `wrong password, foreign name and missing permission: refused, each with a sentence; a password rotated by SIGHUP; ${forged}`,
      failures: findings.failures,
    };
  },
};

/** Each machine may publish below its own name only. */
function configFor(passwords: Record<string, string>): NatsServerConfig {
  const users = Object.entries(passwords).map(([user, password]) => ({
    user,
    password,
    permissions: {
      publish: [`chimed.${user}.>`, `chimed-fleet.${user}.>`],
      subscribe: ['chimed.>', 'chimed-fleet.>', '_INBOX.>'],
    },
  }));
  return { authorization: { users } };
}

async function rights(findings: Findings): Promise<void> {
  using folder = temporaryFolder();
  const file = folder.file('credentials');
  const write = (text: string): void => writeFileSync(file, text, { mode: 0o600 });
  await using server = await NatsServer.start({ config: configFor({ web1: 'one', web2: 'two' }) });
  const servers = [server.url];
  const topics = { t: { interval: '50ms', data: 1 } };

  write('web1:wrong\n');
  await using web1 = await FleetMachine.start({ name: 'web1', servers, topics, nats: { credentials: file } });
  const refused = await within(
    20_000,
    'the refusal is told',
    web1.linkIs(({ error }) => error !== null, 0),
  );
  findings.hold(/credentials/.test(refused.error ?? ''), `of a wrong password it says: ${refused.error}`);
  findings.hold(web1.bridge.child.exitCode === null, 'a wrong password has ended the bridge');
  write('web1:one\n');
  web1.bridge.kill('SIGHUP');
  await within(20_000, 'web1 connects with the right password', web1.linked());

  // A rotated password: the file first, then the server, which disconnects who has the old one.
  write('web1:new\n');
  const from = web1.link.items.length;
  await server.reload(configFor({ web1: 'new', web2: 'two' }));
  web1.bridge.kill('SIGHUP');
  const isBack = (state: { connected: 0 | 1 }): boolean => state.connected === 1;
  await within(20_000, 'web1 connects with the rotated password', web1.linkIs(isBack, from));

  const credentials = folder.file('credentials2');
  writeFileSync(credentials, 'web2:two', { mode: 0o600 });
  await using web2 = await FleetMachine.start({ name: 'web2', servers, nats: { credentials } });
  await within(20_000, 'web2 sees web1', web2.sees('web1', 1));
  const history = new FleetHistory();
  const record = new OriginRecord('web1', web1.daemon.connect(), 't', history);
  await using ear = new Ear('web2', web2.daemon.connect(), 'remote.>', history);
  await within(20_000, 'web2 hears web1', ear.hearsMore(5));

  const forger = await connect({ servers: server.url, user: 'web2', pass: 'two' });
  const violation = (async () => {
    for await (const status of forger.status()) if (status.type === 'error') return status.error.message;
    return '';
  })();
  forger.publish('chimed.web1.t', frame('t', { seq: 1_000_000 }));
  const said = await within(10_000, 'the server refuses the forged message', violation);
  findings.hold(said.includes('chimed.web1.t'), `the server said: ${said}`);
  await forger.close();
  await within(20_000, 'web2 hears more', ear.hearsMore(5));
  findings.failures.push(...(await within(20_000, 'web2 is caught up', ear.verdict())));
  findings.hold(ear.history.missed === 0, `${ear.history.missed} messages were missed`);
  await record.end();

  // A machine that has taken another name than its user's may say nothing.
  await using web3 = await FleetMachine.start({ name: 'web3', servers, nats: { credentials } });
  const line = await within(
    20_000,
    'the missing permission is logged',
    web3.bridge.stdout.find((text) => text.includes('"fleet-refused"')),
  );
  findings.hold(/publish to chimed-fleet\.web3/.test(line), `of a missing permission it says: ${line}`);
}

/** A message of the topic as a bridge would send it, but for these fields. */
function frame(type: string, fields: object): string {
  return JSON.stringify({ type, data: 0, seq: 1, time: Date.now(), instance: 'forged', ...fields });
}

/** What does not belong on the subject of the topic t.1. */
const forgedFrames: readonly string[] = [
  '',
  'x',
  'null',
  '[]',
  '7',
  '{}',
  '{"type":"t.1"}',
  '\f{"type":"t.1","data":0}\f',
  '['.repeat(100_000),
  '\u0000'.repeat(1000),
  frame('t.2', {}),
  frame('remote.web2.t.1', {}),
  frame('chimed.stopping', { data: { reason: 'forged' } }),
  frame('chimed.register', { data: { topics: ['>'] } }),
  frame('chimed.failing', { data: { topic: 't.2', error: 'forged', since: 1, failures: 1 } }),
  frame('chimed.failing', { data: { topic: 't.1', error: 7 } }),
  frame('t.1', { seq: 0 }),
  frame('t.1', { seq: -1 }),
  frame('t.1', { seq: 1.5 }),
  frame('t.1', { seq: '7' }),
  frame('t.1', { seq: 2 ** 53 }),
  frame('t.1', { seq: null }),
  frame('t.1', { time: 'now' }),
  frame('t.1', { time: null }),
  frame('t.1', { instance: '' }),
  frame('t.1', { instance: 'a/b' }),
  frame('t.1', { instance: 'x'.repeat(1000) }),
  frame('t.1', { instance: { a: 1 } }),
  frame('t.1', { data: undefined }),
];

async function forgeries(scale: Scale, findings: Findings): Promise<string> {
  await using server = await NatsServer.start(); // Anybody may say anything.
  const servers = [server.url];
  await using pair = await Pair.start({
    servers: { origin: servers, listener: servers },
    topics: 2,
    intervalMs: 50,
  });
  const { origin, listener, ear } = pair;
  await using forger = await connect({ servers });
  const before = listener.state!.dropped;
  for (const payload of forgedFrames) forger.publish('chimed.origin.t.1', payload);
  await forger.flush();
  const { dropped } = await within(
    20_000,
    `${forgedFrames.length} forged frames are counted (${listener.state!.dropped - before} are)`,
    listener.linkIs((state) => state.dropped - before >= forgedFrames.length),
  );
  findings.hold(
    dropped - before === forgedFrames.length,
    `${dropped - before} were dropped of ${forgedFrames.length} forged frames`,
  );
  findings.failures.push(...(await pair.verdict()));
  findings.hold(ear.history.missed === 0, `${ear.history.missed} messages were missed`);

  // They cost time, so that messages can be missed; but never without being counted.
  scale.say('made-up machines');
  const memory = residentKiB(listener.bridge.pid);
  const made = await makeUp(forger, scale.of(20_000, 500), scale.of(100, 5));
  for (const machine of [origin, listener])
    for (const talk of [
      'here',
      'topics',
      'want.origin',
      'want.listener',
      'who',
      'bye',
      'ask.origin',
      'again.origin',
    ])
      for (const payload of forgedFrames) forger.publish(`chimed-fleet.${machine.name}.${talk}x`, payload);
  for (const talk of [
    'here',
    'topics',
    'want.origin',
    'want.listener',
    'bye',
    'ask.origin',
    'again.listener',
    'last.listener.t.1',
  ])
    for (const payload of forgedFrames) forger.publish(`chimed-fleet.evil.${talk}`, payload);
  await forger.flush();
  await within(60_000, 'messages go on', ear.hearsMore(20));
  for (const { name, bridge } of [origin, listener])
    findings.hold(bridge.child.exitCode === null, `the bridge of ${name} has ended: ${bridge.output.stderr}`);
  const growth = residentKiB(listener.bridge.pid) - memory;
  findings.hold(growth < GROWTH_KIB, `the bridge grew by ${growth} KiB`);
  findings.failures.push(...(await pair.verdict()));
  return `${forgedFrames.length} forged frames dropped and counted; ${made} made-up machines: memory +${(growth / 1024).toFixed(0)} MiB, ${ear.history.missed} messages missed and counted`;
}

/** Announces machines that do not exist, some of them with long lists of topics. @returns how many. */
async function makeUp(forger: NatsConnection, machines: number, withLists: number): Promise<number> {
  const names = Array.from({ length: 5000 }, (_, index) => `${'long'.repeat(8)}.t${index}`);
  for (let index = 0; index < machines; index++) {
    const name = `made-up-${index}`;
    const here = { bridge: name, host: name, pid: 1, version: '0', since: 0, time: Date.now(), rttMs: 0 };
    forger.publish(`chimed-fleet.${name}.here`, JSON.stringify({ ...here, list: name }));
    if (index < withLists) {
      for (let page = 0; page < PAGES; page++) {
        const topics = names.map((topic) => `${topic}-${page}`);
        forger.publish(
          `chimed-fleet.${name}.topics`,
          JSON.stringify({ list: name, page, pages: PAGES, topics }),
        );
      }
    }
    if (index % 10 === 0) await forger.flush();
  }
  return machines;
}
