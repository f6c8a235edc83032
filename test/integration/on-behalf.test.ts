import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';

import { connect } from '../../src/index.ts';
import type { Registered, Rejection } from '../../src/protocol/messages.ts';
import type { Status } from '../../src/protocol/status-snapshot.ts';
import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { Impostor } from '../helpers/impostor.ts';
import { has } from '../helpers/programs-here.ts';
import type { RawClient } from '../helpers/raw-client.ts';
import { Relay } from '../helpers/relay.ts';
import { Stranger } from '../helpers/stranger.ts';

const [ALICE, BOB, GATEWAY, OPS] = [4242, 4243, 4244, 4300];
const isRoot = process.getuid?.() === 0;
const canBeOthers = isRoot && has('setpriv') && has('python3');
if (!canBeOthers)
  process.stderr.write('SKIPPED: that other users cannot act on behalf of others, since that needs root\n');

const alice = { uid: ALICE, gid: ALICE, groups: [OPS] };
const bob = { uid: BOB, gid: BOB };
const topics = {
  open: { publish: true },
  secret: { publish: true, access: { subscribe: [String(ALICE)], publish: [`@${OPS}`] } },
};
const config = (changes: object = {}) => ({ socket: { mode: '0666' }, topics, ...changes });
const withGateway = config({ web: { user: String(GATEWAY) } });

async function startShared(settings: object = withGateway): Promise<TestDaemon> {
  const daemon = await startDaemon(settings);
  chmodSync(daemon.folder.path, 0o755);
  return daemon;
}

/** Connects, and registers on behalf of a user. */
async function acting(daemon: TestDaemon, onBehalfOf: object, patterns: string[] = []): Promise<RawClient> {
  const client = await daemon.raw();
  return client.send('chimed.register', { topics: patterns, onBehalfOf });
}

async function rejection(client: { frame: RawClient['frame'] }): Promise<Rejection> {
  return (await client.frame('chimed.rejected')).data as Rejection;
}

const listed = ({ data }: { data?: unknown }): string[] =>
  (data as Registered).topics.map(({ topic }) => topic);

// The daemon's own user asks, which may do so like root and the gateway.
describe.concurrent('a connection on behalf of a user', () => {
  test('hears what that user may hear, and publishes what that user may publish', async () => {
    await using daemon = await startDaemon(config());
    using forAlice = await acting(daemon, alice, ['>']);
    using forBob = await acting(daemon, bob, ['>', 'secret']);
    using forNobody = await acting(daemon, {}, ['>']);
    const [first, second, third] = await Promise.all(
      [forAlice, forBob, forNobody].map((client) => client.frame('chimed.registered')),
    );
    expect([first, second, third].map((frame) => listed(frame!))).toEqual([
      ['open', 'secret'],
      ['open'],
      ['open'],
    ]);
    expect(first!.data).toMatchObject({ onBehalfOf: alice });
    expect((third!.data as Registered).onBehalfOf).toEqual({});
    expect(await rejection(forBob)).toMatchObject({
      code: 'not-allowed',
      message: expect.stringContaining(`uid ${BOB}`),
      topic: 'secret',
    });

    forBob.send('chimed.publish', { topic: 'secret', data: 1, id: 1 });
    expect(await forBob.frames.find(({ data }) => (data as Rejection).id === 1)).toMatchObject({
      type: 'chimed.rejected',
      data: { code: 'not-allowed' },
    });
    forAlice
      .send('chimed.publish', { topic: 'secret', data: 2 })
      .send('chimed.publish', { topic: 'open', data: 3 });
    await Promise.all([
      forAlice.messages('secret', 1),
      forBob.messages('open', 1),
      forNobody.messages('open', 1),
    ]);
    expect(forBob.frames.items.map(({ type }) => type)).not.toContain('secret');
    expect(forNobody.frames.items.map(({ type }) => type)).not.toContain('secret');
    // An answer to anything later repeats it as well.
    forAlice.send('chimed.unregister', { topics: ['>'] });
    await forAlice.frames.find(
      ({ type, data }) => type === 'chimed.registered' && (data as Registered).topics.length === 0,
    );
    expect(forAlice.frames.items.at(-1)!.data).toMatchObject({ onBehalfOf: alice });
  });

  test('is logged and listed as that user, with the pid of the gateway', async () => {
    await using daemon = await startDaemon(config());
    using forBob = await acting(daemon, bob, ['open']);
    await forBob.frame('chimed.registered');
    const line = await daemon.logged('client connected');
    expect(line).toMatchObject({ uid: BOB, gid: BOB, gatewayPid: process.pid, groups: [] });
    expect(line).not.toHaveProperty('pid', process.pid);
    const own = { pid: process.pid, uid: BOB, gid: BOB, onBehalf: true };
    const status = await daemon.status();
    expect(status.clients[0]).toMatchObject(own);
    expect(status.clients[1]).not.toHaveProperty('onBehalf');
    forBob.send('chimed.status');
    const seen = (await forBob.frame('chimed.status')).data as Status;
    expect(seen).toMatchObject({ clients: [own], configFile: null, users: [{ uid: BOB, clients: 1 }] });
    forBob[Symbol.dispose]();
    expect(await daemon.logged('client disconnected')).toMatchObject({ uid: BOB, gatewayPid: process.pid });
  });

  test('of root sees what root sees, and changes nothing that needs a privilege', async () => {
    await using daemon = await startDaemon(config());
    using other = await daemon.raw();
    await other.send('open').send('chimed.status').frame('chimed.status');
    using forRoot = await acting(daemon, { uid: 0, gid: 0 }, ['>']);
    expect(listed(await forRoot.frame('chimed.registered'))).toEqual(['open', 'secret']);
    forRoot
      .send('chimed.status')
      .send('chimed.reload', { id: 1 })
      .send('chimed.sample', { topic: 'open', id: 2 });
    expect((await forRoot.frame('chimed.status')).data).toMatchObject({
      clientCount: 2,
      clients: [{}, { uid: 0, onBehalf: true }],
      configFile: daemon.configFile,
    });
    const refused = await forRoot.frames.take(2, ({ type }) => type === 'chimed.rejected');
    expect(refused.map(({ data }) => data)).toMatchObject([
      { code: 'not-allowed', id: 1, message: expect.stringContaining('not through a gateway') },
      { code: 'not-allowed', id: 2, message: expect.stringContaining('not through a gateway') },
    ]);
    expect(daemon.log.items.some(({ msg }) => msg.startsWith('reload'))).toBe(false);
  });

  test.each([
    ['again', { onBehalfOf: bob }, { onBehalfOf: alice }],
    ['after a registration', {}, { onBehalfOf: alice }],
    ['after a request that was refused', { topics: 'none' }, { onBehalfOf: alice }],
  ])('is not to be had %s: the connection ends, and what follows is not done', async (_, first, then) => {
    await using daemon = await startDaemon(config());
    using client = await daemon.raw();
    client.send('chimed.register', { topics: ['open'], ...first });
    client.send('chimed.register', { topics: [], ...then });
    client.send('chimed.publish', { topic: 'open', data: 'for whom?' });
    await client.closed;
    expect(client.frames.items.at(-1)!.data).toEqual({
      code: 'bad-request',
      message: 'onBehalfOf must be in the first request of a connection, once; open another connection',
    });
    expect((await daemon.status()).topics[0]).toMatchObject({ topic: 'open', seq: 0 });
  });

  test('is refused for garbage, and nothing is done for the gateway itself instead', async () => {
    await using daemon = await startDaemon(config());
    const most = 2 ** 32 - 2;
    const garbage = [
      null,
      [],
      [bob],
      'root',
      0,
      { Uid: 1 },
      { uid: 1 },
      { gid: 1 },
      { groups: [] },
      ...[-1, 1.5, most + 1, '0', null].map((uid) => ({ uid, gid: 0 })),
      ...[-1, 1.5, most + 1, '0', null].map((gid) => ({ uid: 0, gid })),
      ...[null, {}, [null], [-1], ['0'], Array(1025).fill(0)].map((groups) => ({ uid: 1, gid: 1, groups })),
      { ...bob, Groups: [] },
    ];
    for (const onBehalfOf of garbage) {
      using client = await acting(daemon, onBehalfOf as object, ['open']);
      client.send('chimed.publish', { topic: 'open', data: 'for whom?' });
      await client.closed;
      const message = expect.stringContaining('chimed.register needs onBehalfOf to be { uid, gid, groups? }');
      const answers = client.frames.items.map(({ type, data }) => [type, data]);
      expect(answers, JSON.stringify(onBehalfOf)).toEqual([
        ['chimed.rejected', { code: 'bad-request', message }],
      ]);
    }
    expect((await daemon.status()).topics[0]).toMatchObject({ topic: 'open', seq: 0 });
    using client = await acting(daemon, { uid: most, gid: most, groups: Array(1024).fill(most) });
    await client.frame('chimed.registered');
  });

  test('that ends at once is that user all the same: what it published last is judged by its rights', async () => {
    await using daemon = await startDaemon(config());
    const frames = [
      { type: 'chimed.register', data: { topics: ['>'], onBehalfOf: bob } },
      { type: 'chimed.publish', data: { topic: 'secret', data: 'no' } },
      { type: 'chimed.publish', data: { topic: 'open', data: 'yes' } },
    ].map((frame) => `${JSON.stringify(frame)}\f`);
    for (let count = 0; count < 20; count++) {
      const client = await daemon.raw();
      client.socket.end(frames.join(''));
      client.socket.destroySoon();
      await client.closed;
    }
    await vi.waitUntil(async () => (await daemon.status()).topics[0]!.seq === 20, { timeout: 30_000 });
    const status = await daemon.status();
    expect(status.topics[1]).toMatchObject({ topic: 'secret', seq: 0, clients: 0 });
    expect(status.clients).toHaveLength(1);
  });

  test('is refused to a user that has as many as it may have, while others go on', async () => {
    await using daemon = await startDaemon(config({ clients: { maxPerUser: 3 } }));
    const forBob = await Promise.all([1, 2, 3].map(() => acting(daemon, bob, ['open'])));
    for (const client of forBob) await client.frame('chimed.registered');
    using fourth = await acting(daemon, bob);
    const message = `the user with uid ${BOB} has 3 connections already (clients.maxPerUser); close some`;
    expect(await rejection(fourth)).toEqual({ code: 'too-many-connections', message });
    await fourth.closed;
    expect(await daemon.logged(`rejected: ${message}`)).toMatchObject({ uid: BOB, gatewayPid: process.pid });
    using forAlice = await acting(daemon, alice);
    await forAlice.frame('chimed.registered');
    forBob[0]![Symbol.dispose]();
    await daemon.log.find(
      ({ msg, uid, reason }) => msg === 'client disconnected' && uid === BOB && reason === 'left',
    );
    using again = await acting(daemon, bob);
    await again.frame('chimed.registered');
    for (const client of forBob) client[Symbol.dispose]();
  });

  test('counts for the rate of its user, and not for the gateway', async () => {
    await using daemon = await startDaemon(config({ clients: { connectionsPerSecond: 1 } }));
    const open = async (onBehalfOf: object): Promise<string> => {
      using client = await acting(daemon, onBehalfOf);
      const { type, data } = await client.frames.find(() => true);
      return type === 'chimed.rejected' ? (data as Rejection).code : type;
    };
    const forBob: string[] = [];
    while (!forBob.includes('too-fast')) forBob.push(await open(bob));
    expect(forBob.length).toBeGreaterThan(10);
    expect(forBob.slice(0, -1)).toEqual(forBob.slice(0, -1).map(() => 'chimed.registered'));
    for (let uid = 5000; uid < 5020; uid++) expect(await open({ uid, gid: uid })).toBe('chimed.registered');
  });

  test('costs the memory of its user: another user of the gateway goes on', async () => {
    const clients = { memoryPerUser: '1MiB', pendingBytes: '4MiB', bytesPerSecond: '64MiB' };
    await using daemon = await startDaemon(config({ clients }));
    await using publisher = daemon.connect();
    using forAlice = await acting(daemon, alice, ['open']);
    await forAlice.frame('chimed.registered');
    const idle = await Promise.all([1, 2].map(() => acting(daemon, bob, ['open'])));
    for (const client of idle) {
      await client.frame('chimed.registered');
      client.socket.pause();
    }
    const data = 'x'.repeat(100_000);
    for (let count = 0; count < 40; count++) await publisher.publish('open', data);
    const line = await daemon.log.find(({ code }) => code === 'too-much-memory');
    expect(line).toMatchObject({ uid: BOB, gatewayPid: process.pid });
    await forAlice.messages('open', 40);
    expect((await publisher.status()).users!.find(({ uid }) => uid === ALICE)).toMatchObject({ clients: 1 });
    for (const client of idle) client[Symbol.dispose]();
  });

  test('of one user that asks as much as it can does not keep another from its answers', async () => {
    await using daemon = await startDaemon(config());
    using busy = await acting(daemon, bob);
    await busy.frame('chimed.registered');
    const get = `${JSON.stringify({ type: 'chimed.get', data: { topic: 'open' } })}\f`;
    busy.write(get.repeat(50_000));
    using forAlice = await acting(daemon, alice);
    forAlice.send('chimed.get', { topic: 'open', id: 'mine' });
    await forAlice.frame('chimed.got');
    // By then, only a part of the other's are done.
    expect(busy.frames.items.length).toBeLessThan(40_000);
  });
});

describe('ten thousand of them', () => {
  test('get half of the places and no more, and cost nobody else a connection', async () => {
    await using daemon = await startDaemon(config({ clients: { max: 640 } }));
    await using own = daemon.connect();
    await own.status();
    const held: RawClient[] = [];
    let refused = 0;
    for (let uid = 10_000; uid < 20_000; uid += 50) {
      const batch = await Promise.all(
        Array.from({ length: 50 }, (_, index) => acting(daemon, { uid: uid + index, gid: 1 })),
      );
      for (const client of batch) {
        const { type, data } = await client.frames.find(() => true);
        if (type === 'chimed.registered') held.push(client);
        else {
          expect((data as Rejection).code).toBe('too-many-clients');
          refused++;
          client[Symbol.dispose]();
        }
      }
    }
    expect([held.length, refused]).toEqual([320, 9680]);
    using another = await daemon.raw();
    await another.send('chimed.register', { topics: ['open'] }).frame('chimed.registered');
    await expect.poll(async () => (await own.status()).clientCount, { timeout: 30_000 }).toBe(322);
    const { users, memoryBytes } = await own.status();
    expect(users).toHaveLength(200);
    expect(memoryBytes).toBeLessThan(300 * 1024 ** 2);
    for (const client of held) client[Symbol.dispose]();
    await expect.poll(async () => (await own.status()).clientCount, { timeout: 30_000 }).toBe(2);
  }, 120_000);
});

describe.runIf(canBeOthers).concurrent('who may', () => {
  const asking = (daemon: TestDaemon, uid: number, onBehalfOf: object): Stranger =>
    new Stranger(daemon.socket, uid, [], 'chimed.register', { topics: ['>'], onBehalfOf });

  test('a stranger may not, be it for itself: it is refused, and registered for nothing', async () => {
    await using daemon = await startShared();
    for (const onBehalfOf of [{ uid: 0, gid: 0 }, bob, {}]) {
      await using stranger = asking(daemon, BOB, onBehalfOf);
      const message = `the user with uid ${BOB} cannot make requests on behalf of others; only root, the user that runs chimed and web.user can`;
      expect((await stranger.frame('chimed.rejected')).data).toEqual({ code: 'not-allowed', message });
      expect(stranger.frames.items).toHaveLength(1);
      expect(await daemon.logged(`rejected: ${message}`)).toMatchObject({ uid: BOB });
    }
    expect((await daemon.status()).clientCount).toBe(1);
  });

  test("the gateway's user may, and as itself sees all users and no client of theirs", async () => {
    await using daemon = await startShared();
    await using forAlice = asking(daemon, GATEWAY, alice);
    expect(listed(await forAlice.frame('chimed.registered'))).toEqual(['open', 'secret']);
    await using itself = new Stranger(daemon.socket, GATEWAY, [], 'chimed.status', {});
    const { users, clients, topics: seen, configFile } = (await itself.frame('chimed.status')).data as Status;
    expect(users!.map(({ uid }) => uid).toSorted()).toEqual([ALICE, GATEWAY]);
    expect(clients.map(({ uid }) => uid)).toEqual([GATEWAY]);
    expect(seen.map(({ topic }) => topic)).toEqual(['open']);
    expect(configFile).toBeNull();
  });

  test('on behalf of its own user, it sees what any user sees', async () => {
    await using daemon = await startShared();
    using forBob = await acting(daemon, bob);
    await forBob.frame('chimed.registered');
    using forGateway = await acting(daemon, { uid: GATEWAY, gid: GATEWAY });
    forGateway.send('chimed.status');
    const { users } = (await forGateway.frame('chimed.status')).data as Status;
    expect(users).toEqual([{ uid: GATEWAY, clients: 1, pendingBytes: expect.any(Number) }]);
  });

  test('a reload that names another user disconnects what the former one has open, and nobody else', async () => {
    await using daemon = await startShared();
    await using former = asking(daemon, GATEWAY, alice);
    await former.frame('chimed.registered');
    await using itself = new Stranger(daemon.socket, GATEWAY, [], 'chimed.register', { topics: ['open'] });
    await itself.frame('chimed.registered');
    using forBob = await acting(daemon, bob, ['open']);
    await forBob.frame('chimed.registered');
    await daemon.reload(config({ web: { user: String(BOB) } }));
    expect((await former.frame('chimed.rejected')).data).toEqual({
      code: 'not-allowed',
      message: `a reload removed the permission of the user with uid ${GATEWAY} to make requests on behalf of others (web.user)`,
    });
    await daemon.log.find(
      ({ msg, uid, reason }) => msg === 'client disconnected' && uid === ALICE && reason === 'not-allowed',
    );
    await using again = asking(daemon, GATEWAY, alice);
    expect((await again.frame('chimed.rejected')).data).toMatchObject({ code: 'not-allowed' });
    await using now = asking(daemon, BOB, alice);
    await now.frame('chimed.registered');
    forBob.send('chimed.publish', { topic: 'open', data: 1 });
    await Promise.all([forBob.messages('open', 1), itself.frame('open')]);
  });

  test("the gateway's user displaces nobody, and neither does a user behind it", async () => {
    const clients = { max: 8, maxPerUser: 8 };
    await using daemon = await startShared(config({ clients, web: { user: String(GATEWAY) } }));
    const all = Array.from(
      { length: 8 },
      () => new Stranger(daemon.socket, ALICE, [], 'chimed.register', { topics: ['open'] }),
    );
    for (const each of all) await each.frame('chimed.registered');
    await using forBob = asking(daemon, GATEWAY, bob);
    expect((await forBob.frame('chimed.rejected')).data).toMatchObject({ code: 'too-many-clients' });
    // Without a gateway, this user gets one of them.
    await using itself = new Stranger(daemon.socket, BOB, [], 'chimed.register', { topics: ['open'] });
    await itself.frame('chimed.registered');
    for (const each of all) await each[Symbol.asyncDispose]();
  });
});

describe.concurrent('the client library', () => {
  test('makes all requests on behalf of a user, and does so again whenever it connects', async () => {
    await using daemon = await startDaemon(config());
    await using relay = await Relay.start(daemon.socket);
    await using client = connect({ socket: relay.socket, onBehalfOf: bob, retry: { minMs: 1, maxMs: 20 } });
    const all = client.listen('>');
    for (let time = 0; time < 2; time++) {
      await client.publish('open', time);
      expect(await all.next()).toMatchObject({ value: { topic: 'open', data: time, missed: 0 } });
      await expect(client.get('secret')).rejects.toMatchObject({ code: 'not-allowed' });
      await expect(client.reload()).rejects.toMatchObject({ code: 'not-allowed' });
      expect((await client.status()).clients).toMatchObject([{ uid: BOB, onBehalf: true }]);
      relay.cut();
      while (client.state.status !== 'waiting') await once(client, 'state');
      relay.mend();
    }
    await using nobody = daemon.connect({ onBehalfOf: {} });
    expect((await nobody.status()).clients).toMatchObject([{ uid: null, groups: null, onBehalf: true }]);
    // Fields that are undefined do not travel, and are not missed in the answer.
    await using other = daemon.connect({ onBehalfOf: { ...bob, groups: undefined } as object });
    await other.status();
  });

  test('does not go on with a daemon that is too old to know of other users', async () => {
    using folder = temporaryFolder();
    const data = {
      protocol: 1,
      client: 1,
      instance: 'i',
      offset: 0,
      topics: [],
      limits: { frameBytes: 1000 },
    };
    const message = { type: 'secret', data: 'psst', seq: 1, time: 1 };
    const frames = [{ type: 'chimed.registered', data }, message].map(
      (frame) => `${JSON.stringify(frame)}\f`,
    );
    await using _old = await Impostor.listen(folder.file('s'), frames.join(''));
    await using client = connect({ socket: folder.file('s'), onBehalfOf: bob });
    const states: string[] = [];
    client.on('state', ({ status }) => states.push(status));
    const listening = client.listen('secret').next();
    await expect(listening).rejects.toMatchObject({
      code: 'not-allowed',
      message: expect.stringMatching(/would serve this client as the user of this process.*Upgrade/),
    });
    expect(await client.closed).toMatchObject({ code: 'not-allowed' });
    expect(states).toEqual(['closed']);
  });

  test('says why it waits while that user has too many connections', async () => {
    await using daemon = await startDaemon(config({ clients: { maxPerUser: 1 } }));
    await using first = daemon.connect({ onBehalfOf: bob });
    await first.status();
    await using second = daemon.connect({ onBehalfOf: bob, retry: false });
    expect(await second.closed).toMatchObject({ code: 'too-many-connections' });
  });
});
