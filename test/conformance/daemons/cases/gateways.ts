import { deepEqual, equal, ok } from 'node:assert/strict';

import type { DaemonCase } from '../daemon-case.ts';
import type { Data, RawPeer } from '../raw-peer.ts';
import { ends, has, namesOf, refuses } from './assertions.ts';
import { tight } from './settings.ts';

const published = { publish: true };
const [ALICE, BOB, OPS] = [4242, 4243, 4300];
const alice = { uid: ALICE, gid: ALICE, groups: [OPS] };
const bob = { uid: BOB, gid: BOB };
const HIGHEST_ID = 4_294_967_294;
const MOST_GROUPS = 1024;

/** Topics of which one is Alice's alone. */
const restricted = (word: string) => ({
  [`${word}.open`]: published,
  [`${word}.secret`]: { publish: true, access: { subscribe: [String(ALICE)], publish: [`@${OPS}`] } },
});

const badIds = [-1, 1.5, HIGHEST_ID + 1, '0', null];
const bad: readonly unknown[] = [
  null,
  [],
  [bob],
  'root',
  0,
  { uid: 1 },
  { gid: 1 },
  { groups: [] },
  ...badIds.flatMap((id) => [
    { uid: id, gid: 0 },
    { uid: 0, gid: id },
  ]),
  ...[null, {}, [null], [-1], ['0'], Array<number>(MOST_GROUPS + 1).fill(0)].map((groups) => ({
    ...bob,
    groups,
  })),
  { ...bob, name: 'bob' },
];

const publishTo = (peer: RawPeer, topic: string): Promise<Data> =>
  peer.refused('publish', { topic, data: 1 });

export const gateways: readonly DaemonCase[] = [
  {
    name: 'repeats onBehalfOf in each chimed.registered',
    rules: [40, 42],
    topics: restricted('repeats'),
    async run({ daemon }) {
      for (const onBehalfOf of [
        alice,
        bob,
        {},
        { uid: HIGHEST_ID, gid: HIGHEST_ID, groups: Array(MOST_GROUPS).fill(HIGHEST_ID) },
      ]) {
        const peer = await daemon.connect();
        deepEqual((await peer.register(['repeats.open'], { onBehalfOf }))['onBehalfOf'], onBehalfOf);
        deepEqual((await peer.unregister('repeats.open'))['onBehalfOf'], onBehalfOf);
      }
    },
  },
  {
    name: 'refuses onBehalfOf that is anything but a user, and closes the connection',
    rules: [40, 43],
    topics: restricted('garbage'),
    async run({ daemon }) {
      for (const onBehalfOf of bad) {
        const peer = await daemon.connect();
        peer.send('chimed.register', { topics: ['garbage.open'], onBehalfOf });
        peer.send('chimed.publish', { topic: 'garbage.open', data: 'for whom?' });
        await ends(peer, 'bad-request');
        equal(peer.frames.items.length, 1, JSON.stringify(onBehalfOf));
      }
      const got = await (await daemon.connect()).demand('get', { topic: 'garbage.open' }, 'got');
      ok(!('seq' in got), 'a publication was carried out');
    },
  },
  {
    name: 'refuses onBehalfOf that comes later or twice, and closes the connection',
    rules: [40, 43],
    topics: restricted('belated'),
    async run({ daemon }) {
      const firsts: readonly (readonly [string, Data])[] = [
        ['chimed.register', { topics: [], onBehalfOf: bob }],
        ['chimed.register', { topics: [] }],
        ['chimed.register', { topics: 'none' }],
        ['chimed.status', {}],
        ['belated.open', {}],
      ];
      for (const [type, data] of firsts) {
        const peer = await daemon.connect();
        peer.send(type, data).send('chimed.register', { topics: [], onBehalfOf: alice });
        await peer.closed;
        const last = peer.frames.items.at(-1)!;
        equal(last.type, 'chimed.rejected');
        has(last.data, { code: 'bad-request' });
        ok(!('request' in (last.data as Data)));
      }
    },
  },
  {
    name: 'gives the connection the permissions of the user: which topics it receives',
    rules: [41],
    topics: restricted('hears'),
    async run({ daemon }) {
      const peers = await Promise.all([alice, bob, {}].map((user) => daemon.onBehalfOf(user)));
      const heard = await Promise.all(peers.map(async (peer) => namesOf(await peer.register(['hears.*']))));
      deepEqual(heard, [['hears.open', 'hears.secret'], ['hears.open'], ['hears.open']]);
      const publisher = await daemon.connect();
      for (const topic of ['hears.secret', 'hears.open']) await publisher.publish(topic, 1);
      await peers[0]!.frame('hears.secret');
      for (const peer of peers.slice(1)) {
        await peer.frame('hears.open');
        ok(!peer.frames.items.some(({ type }) => type === 'hears.secret'));
        refuses(await peer.refused('get', { topic: 'hears.secret' }), 'not-allowed', {
          request: 'chimed.get',
        });
      }
    },
  },
  {
    name: 'gives the connection the permissions of the user: to which topics it can publish, by its groups',
    rules: [41],
    topics: restricted('writes'),
    async run({ daemon }) {
      equal(await (await daemon.onBehalfOf(alice)).publish('writes.secret', 1), 1);
      for (const user of [bob, { uid: ALICE, gid: ALICE }, {}])
        refuses(await publishTo(await daemon.onBehalfOf(user), 'writes.secret'), 'not-allowed', {});
    },
  },
  {
    name: 'gives the connection the part of the status that the user sees',
    rules: [41],
    table: 'The status',
    topics: restricted('sees'),
    async run({ daemon }) {
      const peer = await daemon.connect();
      await peer.register([], { onBehalfOf: { uid: 5150, gid: 5151 }, name: 'seen' });
      const { clients, users, topics, configFile } = await peer.status({ topics: ['sees.*'] });
      equal(configFile, null);
      const own = clients as Data[];
      equal(own.length, 1);
      has(own[0], { name: 'seen', uid: 5150, gid: 5151, pid: process.pid, onBehalf: true });
      deepEqual(
        (users as Data[]).map(({ uid }) => uid),
        [5150],
      );
      deepEqual(
        (topics as Data[]).map(({ topic }) => topic),
        ['sees.open'],
      );
    },
  },
  {
    name: 'refuses a reload and a sample on behalf of any user, of root as well',
    rules: [41],
    topics: { 'powers.tick': { interval: '1h', data: 1 } },
    async run({ daemon }) {
      for (const user of [{ uid: 0, gid: 0 }, bob]) {
        const peer = await daemon.onBehalfOf(user);
        refuses(await peer.refused('reload', {}), 'not-allowed', { request: 'chimed.reload' });
        refuses(await peer.refused('sample', { topic: 'powers.tick' }), 'not-allowed', {
          request: 'chimed.sample',
        });
      }
    },
  },
  {
    name: 'refuses a user who has as many connections as clients.maxPerUser, and no other user',
    rules: [41, 43],
    topics: restricted('crowd'),
    settings: tight,
    async run({ daemon }) {
      for (let count = 0; count < 2; count++) await daemon.onBehalfOf(bob);
      const third = await daemon.connect();
      third.send('chimed.register', { topics: [], onBehalfOf: bob });
      await ends(third, 'too-many-connections');
      await daemon.onBehalfOf(alice);
    },
  },
  {
    name: 'refuses connections on behalf of others beyond half of clients.max, and no others',
    rules: [43],
    table: 'Limits',
    async run(stage) {
      const daemon = await stage.start({ topics: restricted('half'), clients: { max: 10 } });
      for (let uid = 1000; uid < 1005; uid++) await daemon.onBehalfOf({ uid, gid: uid });
      const sixth = await daemon.connect();
      sixth.send('chimed.register', { topics: [], onBehalfOf: { uid: 1005, gid: 1005 } });
      await ends(sixth, 'too-many-clients');
      await daemon.subscriber('half.open');
    },
  },
  {
    name: 'refuses a user who connects more often than clients.connectionsPerSecond, and no other user',
    rules: [43],
    topics: restricted('often'),
    settings: { clients: { connectionsPerSecond: 1 } },
    async run({ daemon }) {
      const attempt = async (onBehalfOf: Data): Promise<RawPeer> => {
        const peer = await daemon.connect();
        peer.send('chimed.register', { topics: [], onBehalfOf });
        await peer.frames.find(() => true);
        return peer;
      };
      for (let count = 0; ; count++) {
        ok(count < 100, 'none of 100 connections was refused');
        const peer = await attempt(bob);
        if (peer.frames.items[0]!.type === 'chimed.registered') continue;
        await ends(peer, 'too-fast');
        break;
      }
      equal((await attempt(alice)).frames.items[0]!.type, 'chimed.registered');
    },
  },
];
