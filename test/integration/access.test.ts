import { chmodSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { chimed } from '../helpers/program.ts';
import { has } from '../helpers/programs-here.ts';
import { Stranger } from '../helpers/stranger.ts';

const [ALICE, BOB, OPS] = [4242, 4243, 4300];
const canBeOthers = process.getuid?.() === 0 && has('setpriv') && has('python3');
if (!canBeOthers) process.stderr.write('SKIPPED: access rules are tried as other users, which needs root\n');

const open = { interval: '50ms', data: 'hello' };
const secret = { interval: '50ms', data: 'psst', access: { subscribe: [String(ALICE), `@${OPS}`] } };
const config = (topics: object, clients: object = {}) => ({ socket: { mode: '0666' }, clients, topics });

/** A daemon in a directory that all may enter. */
async function daemonForAll(topics: object, clients?: object): Promise<TestDaemon> {
  const daemon = await startDaemon(config(topics, clients));
  chmodSync(daemon.folder.path, 0o755);
  return daemon;
}

const registering = (daemon: TestDaemon, uid: number, topics: string[], groups: number[] = []): Stranger =>
  new Stranger(daemon.socket, uid, groups, 'chimed.register', { topics });

describe.runIf(canBeOthers).concurrent('access', () => {
  test('a topic is heard by whom it names, by who is in a group that it names, and by root', async () => {
    await using daemon = await daemonForAll({ secret });
    await using alice = registering(daemon, ALICE, ['secret']);
    await using ops = registering(daemon, BOB, ['secret'], [1, OPS, 7]);
    using root = await daemon.raw();
    root.send('secret');
    await Promise.all([alice.frame('secret'), ops.frame('secret'), root.frame('secret')]);
    const connected = await daemon.log.find(({ msg, uid }) => msg === 'client connected' && uid === BOB);
    expect(connected['groups']).toEqual([1, 7, OPS]);

    await using bob = registering(daemon, BOB, ['secret']);
    const { data } = await bob.frame('chimed.rejected');
    const message = `the user with uid ${BOB} may not register for secret; the topic's access.subscribe says who may`;
    expect(data).toEqual({ code: 'not-allowed', message, request: 'chimed.register', topic: 'secret' });
    expect((await bob.frame('chimed.registered')).data).toMatchObject({ topics: [] });
    const line = await daemon.log.find(({ code }) => code === 'not-allowed');
    expect(line).toMatchObject({ level: 'warn', uid: BOB, gid: BOB });
  });

  test('a pattern finds only what one may hear', async () => {
    await using daemon = await daemonForAll({ secret, open });
    await using bob = registering(daemon, BOB, ['>']);
    await bob.frames.take(3, ({ type }) => type === 'open');
    expect(bob.frames.items.map(({ type }) => type)).not.toContain('secret');
  });

  test('publishing has a list of its own', async () => {
    await using daemon = await daemonForAll({ p: { publish: true, access: { publish: [`@${OPS}`] } } });
    const publication = { topic: 'p', data: 1, id: 1 };
    await using ops = new Stranger(daemon.socket, ALICE, [OPS], 'chimed.publish', publication);
    await ops.frame('chimed.published');
    await using alice = new Stranger(daemon.socket, ALICE, [], 'chimed.publish', publication);
    expect((await alice.frame('chimed.rejected')).data).toMatchObject({ code: 'not-allowed', id: 1 });
    expect((await daemon.status()).topics[0]!.seq).toBe(1);
  });

  test('a reload takes a right away, says so, and gives it back; nobody else notices', async () => {
    const closed = { ...open, access: { subscribe: [] } };
    await using daemon = await daemonForAll({ open, other: open });
    using root = await daemon.raw();
    await root.send('open').frame('open');
    await using bob = registering(daemon, BOB, ['open', 'other']);
    await bob.frame('open');

    await daemon.reload(config({ open: closed, other: open }));
    const { data } = await bob.frame('chimed.rejected');
    expect(data).toMatchObject({ code: 'not-allowed', topic: 'open' });
    const from = bob.frames.items.length;
    await bob.frame('other', from);
    await root.frame('open', root.frames.items.length);
    expect(bob.frames.items.slice(from).map(({ type }) => type)).not.toContain('open');

    await daemon.reload(config({ open, other: open }));
    await bob.frame('open', from);
  });

  test("one user's connections are bounded, and another's are not", async () => {
    await using daemon = await daemonForAll({ open }, { maxPerUser: 1 });
    const first = registering(daemon, BOB, ['open']);
    await first.frame('open');
    await using second = registering(daemon, BOB, ['open']);
    const { data } = await second.frame('chimed.rejected');
    expect(data).toMatchObject({
      code: 'too-many-connections',
      message: expect.stringContaining(`uid ${BOB} has 1`),
    });
    await using alice = registering(daemon, ALICE, ['open']);
    await alice.frame('open');
    await first[Symbol.asyncDispose]();
    await daemon.log.find(
      ({ msg, uid, reason }) => msg === 'client disconnected' && uid === BOB && reason === 'left',
    );
    await using third = registering(daemon, BOB, ['open']);
    await third.frame('open');
  });
});

test('whom the machine does not know is a mistake, and so are publishers of what nobody publishes', async () => {
  const access = { subscribe: ['nobody-of-that-name', '@no-such-group'], publish: ['root'] };
  await using daemon = await startDaemon(config({ open }));
  daemon.write(config({ open: { ...open, access } }));
  const { exitCode, stderr } = await chimed(['check', daemon.configFile]);
  expect(exitCode).toBe(78);
  expect(stderr).toContain(
    'topics.open.access.subscribe: there is no user nobody-of-that-name on this machine',
  );
  expect(stderr).toContain('topics.open.access.subscribe: there is no group no-such-group on this machine');
  expect(stderr).toContain('topics.open.access.publish: access.publish goes with publish: true');
});

test('who a client is stands in the status', async () => {
  await using daemon = await startDaemon(config({ open }));
  using client = await daemon.raw();
  await client.send('open').frame('open');
  const [first] = (await daemon.status()).clients;
  expect(first).toMatchObject({ pid: process.pid, uid: process.getuid!(), gid: process.getgid!() });
  expect(first!.groups).toEqual(expect.any(Array));
});
