import { existsSync, unlinkSync, writeFileSync } from 'node:fs';
import { connect } from '@nats-io/transport-node';
import { describe, expect, test } from 'vitest';

import type { Message } from '../../src/index.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { Inbox } from '../helpers/inbox.ts';
import { Program, cli } from '../helpers/program.ts';
import { has } from '../helpers/programs-here.ts';
import { FleetMachine } from './fleet-machine.ts';
import type { LinkState, MachineOptions } from './fleet-machine.ts';
import { NatsServer } from './nats-server.ts';
import type { NatsServerConfig } from './nats-server.ts';
import { newerNats } from './newer-nats.ts';

if (!has('nats-server')) process.stderr.write('\nSKIPPED: the bridge; nats-server is not installed\n\n');

/** Two machines that hear each other. */
class Two implements AsyncDisposable {
  readonly server: NatsServer;
  readonly web1: FleetMachine;
  readonly web2: FleetMachine;

  private constructor(server: NatsServer, web1: FleetMachine, web2: FleetMachine) {
    this.server = server;
    this.web1 = web1;
    this.web2 = web2;
  }

  /** @param of web1, which has the topics. */
  static async start(
    of: Partial<MachineOptions>,
    config: NatsServerConfig = {},
    executable = 'nats-server',
  ): Promise<Two> {
    const server = await NatsServer.start({ config, executable });
    const servers = [server.url];
    const [web1, web2] = await Promise.all([
      FleetMachine.start({ name: 'web1', servers, ...of }),
      FleetMachine.start({ name: 'web2', servers, nats: of.nats ?? {} }),
    ]);
    const two = new Two(server, web1, web2);
    await web2.sees('web1', 1);
    return two;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.web1[Symbol.asyncDispose]();
    await this.web2[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

/** What a new client of a machine hears, messages and notices alike. */
function hear(machine: FleetMachine, topic: string): Inbox<Partial<Message> & { error?: string }> {
  const inbox = new Inbox<Partial<Message> & { error?: string }>();
  const client = machine.daemon.connect({ name: 'listener' });
  client.on('failing', ({ error }) => inbox.push({ error }));
  client.on('recovered', () => inbox.push({ error: '' }));
  void (async () => {
    for await (const message of client.listen(topic)) inbox.push(message);
  })();
  return inbox;
}

describe.skipIf(!has('nats-server'))('between two machines', () => {
  test('a topic that fails fails on the other machine, for the same reason, and recovers there', async () => {
    using folder = temporaryFolder();
    const file = folder.file('value');
    writeFileSync(file, 'one');
    await using two = await Two.start({ topics: { value: { interval: '100ms', file } } });
    const heard = hear(two.web2, 'remote.web1.value');
    expect(await heard.find(({ data }) => data === 'one')).toMatchObject({ topic: 'remote.web1.value' });
    unlinkSync(file);
    expect((await heard.find(({ error }) => error !== undefined)).error).toMatch(
      /^web1: .*No such file or directory$/,
    );
    const late = hear(two.web2, 'remote.web1.value');
    expect(await late.find(({ data }) => data === 'one')).toMatchObject({ stale: true });
    writeFileSync(file, 'two');
    await heard.find(({ error }) => error === '');
    expect(await heard.find(({ data }) => data === 'two')).not.toHaveProperty('stale');
  });

  test('the last value is there at once, also while the other machine is away, and then it is stale', async () => {
    await using two = await Two.start({ topics: { slow: { interval: '1h', data: 5 } } });
    const first = await hear(two.web2, 'remote.web1.slow').find(({ data }) => data === 5);
    expect(first).not.toHaveProperty('stale');
    await two.web1.stopBridge();
    await two.web2.linkIs(({ machines }) => machines['web1']!.here === 0);
    const later = hear(two.web2, 'remote.web1.slow');
    expect(await later.find(({ data }) => data === 5)).toMatchObject({ stale: true, time: first.time });
    expect((await later.find(({ error }) => error !== undefined)).error).toMatch(
      /^web1 is away since 2\d{3}-/,
    );
    await two.web1.restartBridge();
    expect(await later.find(({ error }) => error === '')).toEqual({ error: '' });
    expect(await hear(two.web2, 'remote.web1.slow').find(({ data }) => data === 5)).not.toHaveProperty(
      'stale',
    );
  });

  test('a third machine that joins a topic gets its last message, though the origin has sent it before', async () => {
    await using two = await Two.start({ topics: { slow: { interval: '1h', data: 5 } } });
    await hear(two.web2, 'remote.web1.slow').find(({ data }) => data === 5);
    await using web3 = await FleetMachine.start({ name: 'web3', servers: [two.server.url] });
    await web3.sees('web1', 1);
    expect(await hear(web3, 'remote.web1.slow').find(({ data }) => data === 5)).toMatchObject({
      seq: 1,
      missed: 0,
    });
  });

  test('what is too large for the server fails the topic, and says how large it may be', async () => {
    const topics = { page: { publish: true }, small: { publish: true } };
    await using two = await Two.start({ topics }, { max_payload: 1000 });
    const heard = hear(two.web2, 'remote.web1.page');
    await two.web2.linkIs(({ machines }) => machines['web1']!.wanted === 1);
    await two.web1.linkIs(({ exported }) => exported === 1);
    await two.web1.client.publish('page', 'x'.repeat(2000));
    expect((await heard.find(({ error }) => error?.includes('bytes') === true)).error).toMatch(
      /^web1: the message has \d+ bytes, but the NATS server takes at most 1000 \(max_payload\)$/,
    );
    await two.web1.client.publish('page', 'short');
    expect(await heard.find(({ data }) => data === 'short')).toMatchObject({ seq: 2 });
  });

  test('topics come and go with the configuration of the machine that has them', async () => {
    const topics = { one: { interval: '1h', data: 1 } };
    await using two = await Two.start({ topics });
    const heard = hear(two.web2, 'remote.web1.two');
    expect((await heard.find(({ error }) => error !== undefined)).error).toBe('no client provides it');
    const { url } = two.server;
    const more = { ...topics, two: { interval: '1h', data: 2 } };
    await two.web1.daemon.reload(FleetMachine.config({ name: 'web1', servers: [url], topics: more }));
    expect(await heard.find(({ data }) => data === 2)).toMatchObject({ seq: 1 });
    await two.web2.linkIs(({ machines }) => machines['web1']!.topics === 2);
    await two.web1.daemon.reload(FleetMachine.config({ name: 'web1', servers: [url], topics }));
    await two.web2.linkIs(({ machines }) => machines['web1']!.topics === 1);
    const status = await two.web2.daemon.status();
    expect(status.topics.map(({ topic }) => topic)).not.toContain('remote.web1.two');
  });

  test('only what is exported leaves, and a reload of the bridge changes that', async () => {
    const topics = { open: { interval: '1h', data: 1 }, secret: { interval: '1h', data: 2 } };
    await using two = await Two.start({
      topics,
      nats: { export: 'open', import: [{ from: '*', topics: '>' }] },
    });
    const { topics: there } = await two.web2.daemon.status();
    expect(there.map(({ topic }) => topic).filter((topic) => topic.startsWith('remote.'))).toEqual([
      'remote.web1.open',
    ]);
    two.web1.daemon.write(
      FleetMachine.config({
        name: 'web1',
        servers: [two.server.url],
        topics,
        nats: { export: ['open', 'secret'] },
      }),
    );
    two.web1.bridge.kill('SIGHUP');
    await two.web2.sees('web1', 2);
  });

  test('a topic sleeps on its machine until somebody on another listens, and again when nobody does', async () => {
    using folder = temporaryFolder();
    const mark = folder.file('sampled');
    const topics = { t: { interval: '100ms', command: ['touch', mark] } };
    await using two = await Two.start({ topics });
    expect(existsSync(mark)).toBe(false);
    const client = two.web2.daemon.connect();
    await client.listen('remote.web1.t').next();
    expect(existsSync(mark)).toBe(true);
    await two.web1.linkIs(({ exported }) => exported === 1);
    await client.close();
    await two.web1.linkIs(({ exported }) => exported === 0);
    const { topics: status } = await two.web1.daemon.status();
    expect(status.find(({ topic }) => topic === 't')!.awake).toBe(false);
  });

  test('a bridge that is started before the daemon knows of it goes on once that is reloaded', async () => {
    await using server = await NatsServer.start();
    await using daemon = await startDaemon({ topics: {} });
    const config = FleetMachine.config({ name: 'web1', servers: [server.url] });
    daemon.write(config);
    const args = ['nats', '--config', daemon.configFile, '--socket', daemon.socket, '--log-format', 'json'];
    await using bridge = new Program([cli, ...args]);
    await bridge.stdout.find((line) => line.includes('there is no topic fleet.link'));
    await daemon.reload(config);
    await using client = daemon.connect();
    for await (const { data } of client.listen<LinkState>('fleet.link')) if (data.connected) break;
  });

  test.each([
    ['an empty clock', { clock: {} }],
    ['a time out of range', { time: 1e308, rttMs: 1e308 }],
    ['a start time that is no number', { since: 'yesterday' }],
  ])('the bridge drops a heartbeat with %s, and keeps running', async (_, lie) => {
    await using two = await Two.start({ topics: { t: { interval: '1h', data: 1 } } });
    await using forger = await connect({ servers: two.server.url });
    const here = {
      bridge: 'b',
      host: 'h',
      pid: 1,
      version: '1',
      since: 0,
      time: Date.now(),
      rttMs: 1,
      list: 'l',
    };
    forger.publish('chimed-fleet.liar.here', JSON.stringify({ ...here, ...lie }));
    await forger.flush();
    await two.web2.linkIs(({ dropped }) => dropped === 1);
    expect(two.web2.state!.machines).not.toHaveProperty('liar');
    expect(two.web2.bridge.child.exitCode).toBeNull();
  });

  test('chimed status shows the fleet', async () => {
    await using two = await Two.start({ topics: { t: { interval: '1h', data: 1 } } });
    await using status = new Program([cli, 'status', '--socket', two.web2.daemon.socket]);
    expect(await status.ended).toBe(0);
    const { stdout } = status.output;
    expect(stdout).toMatch(
      /^fleet: web2, connected to NATS at 127\.[\d.]+:4222 .* ago; 0 topics imported, 0 exported now$/m,
    );
    expect(stdout).toMatch(
      /^web1 +here +\S+ ago +\S+ +\d+\.\d+\.\d+ +1 +0 +- +-?[\d.]+ms +(synchronised to|not synchronised)/m,
    );
  });
});

const newer = newerNats();
const servers = [
  { which: 'the installed nats-server', executable: 'nats-server' },
  ...(newer === undefined ? [] : [{ which: 'a newer nats-server', executable: newer }]),
];

describe.skipIf(!has('nats-server')).each(servers)('with a stream on $which', ({ executable }) => {
  test('listeners get what came while the bridge of their machine was stopped', async () => {
    const topics = { price: { publish: true, history: 100, always: true } };
    await using two = await Two.start({ topics, nats: { stream: 'FLEET' } }, { jetstream: {} }, executable);
    const heard = hear(two.web2, 'remote.web1.price');
    // Somebody else wants it all the time.
    await using web3 = await FleetMachine.start({
      name: 'web3',
      servers: [two.server.url],
      nats: { stream: 'FLEET' },
    });
    await web3.sees('web1', 1);
    const others = hear(web3, 'remote.web1.price');
    await two.web1.linkIs(({ machines }) => machines['web3']?.here === 1);
    await two.web1.client.publish('price', 1);
    await heard.find(({ data }) => data === 1);
    await two.web2.stopBridge('SIGKILL');
    for (let price = 2; price <= 20; price++) await two.web1.client.publish('price', price);
    await others.find(({ data }) => data === 20);
    await two.web2.restartBridge();
    await two.web2.linkIs((state) => state.machines['web1']?.wanted === 1, two.web2.link.items.length);
    await two.web1.linkIs(({ exported }) => exported === 1);
    await two.web1.client.publish('price', 21);
    await heard.find(({ data }) => data === 21);
    const messages = heard.items.filter(({ seq }) => seq !== undefined);
    expect(messages.map(({ data }) => data)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1));
    expect(messages.every(({ missed }) => missed === 0)).toBe(true);
  });
});
