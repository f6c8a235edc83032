import { deepEqual, equal, ok } from 'node:assert/strict';

import type { DaemonCase } from '../daemon-case.ts';
import type { Data, RawPeer } from '../raw-peer.ts';
import { has, isCount, isText, until } from './assertions.ts';

const published = { publish: true };
const PAGE = 200;
const TOPICS = 2 * PAGE + 1;
const CLIENTS = PAGE + 5;

const listOf = (status: Data, field: 'topics' | 'clients' | 'users'): Data[] => status[field] as Data[];
const idOf = (status: Data): number => listOf(status, 'clients').at(-1)!['id'] as number;
const nameOf = (status: Data): string => listOf(status, 'topics').at(-1)!['topic'] as string;

/** All of a list, page by page. @param next The request for the page after this one, if there may be one. */
async function paged(
  peer: RawPeer,
  field: 'topics' | 'clients',
  next: (page: Data) => Data,
): Promise<Data[]> {
  const all: Data[] = [];
  for (let request: Data = {}; ;) {
    const page = await peer.status(request);
    const list = listOf(page, field);
    all.push(...list);
    ok(list.length <= PAGE, `a page has ${list.length}`);
    if (list.length < PAGE) return all;
    request = next(page);
  }
}

const numberFields = ['pid', 'uptimeSeconds', 'memoryBytes', 'clientCount', 'topicCount', 'topicsRevision'];
const totalsFields = ['connections', 'messages', 'sent', 'skipped', 'failures', 'skippedTicks', 'omitted'];
const topicFields = [
  'schedule',
  'next',
  'source',
  'awake',
  'seq',
  'clients',
  'lastSent',
  'lateP50Ms',
  'lateP99Ms',
  'lateness',
  'skippedTicks',
  'failures',
  'lastError',
  'lastGood',
  'failingSince',
];

export const statuses: readonly DaemonCase[] = [
  {
    name: 'lists topics and clients in pages of 200, each once',
    rules: [28],
    topics: { 'pages.last': published },
    async run(stage) {
      const topics = Object.fromEntries(
        Array.from({ length: TOPICS }, (_, index) => [`n${index}`, published]),
      );
      const daemon = await stage.start({ topics });
      const peers = await Promise.all(Array.from({ length: CLIENTS }, () => daemon.connect()));
      const names = peers.map((_, index) => `client ${index}`);
      await Promise.all(peers.map((peer, index) => peer.register([], { name: names[index] })));
      const [peer] = peers;

      const first = await peer!.status();
      has(first, { topicCount: TOPICS, clientCount: CLIENTS });
      equal(listOf(first, 'topics').length, PAGE);
      equal(listOf(first, 'clients').length, PAGE);
      const second = await peer!.status({ after: nameOf(first), afterClient: idOf(first) });
      equal(listOf(second, 'topics').length, PAGE);
      equal(listOf(second, 'clients').length, CLIENTS - PAGE);
      ok(!('users' in second), 'users are in the first page only');

      const allTopics = await paged(peer!, 'topics', (page) => ({ after: nameOf(page) }));
      deepEqual(allTopics.map(({ topic }) => topic).toSorted(), Object.keys(topics).toSorted());
      const allClients = await paged(peer!, 'clients', (page) => ({ afterClient: idOf(page) }));
      deepEqual(allClients.map(({ name }) => name).toSorted(), names.toSorted());
    },
  },
  {
    name: 'lists the topics that the patterns of the request match',
    rules: [28],
    table: 'Control frames',
    topics: { 'asked.a': published, 'asked.b': published, 'asked.c.d': published },
    async run({ daemon }) {
      const peer = await daemon.connect();
      const status = await peer.status({ topics: ['asked.*', 'asked.a', 'asked.none'] });
      deepEqual(
        listOf(status, 'topics')
          .map(({ topic }) => topic)
          .toSorted(),
        ['asked.a', 'asked.b'],
      );
      equal(status['topicCount'], 2);
    },
  },
  {
    name: 'counts upwards only, whoever leaves',
    rules: [28],
    async run(stage) {
      const daemon = await stage.start({ topics: { t: published } });
      const peer = await daemon.subscriber('t');
      const totals = async (): Promise<Data> => (await peer.status())['totals'] as Data;
      const before = await totals();
      const leaving = await daemon.subscriber('t');
      await peer.publish('t', 1);
      await leaving.frame('t');
      leaving.cut();
      await until(async () => (await peer.status())['clientCount'] === 1);
      const after = await totals();
      for (const field of totalsFields) ok(Number(after[field]) >= Number(before[field]), field);
      for (const [field, more] of Object.entries({ connections: 1, messages: 1, sent: 2 }))
        equal(Number(after[field]) - Number(before[field]), more, field);
    },
  },
  {
    name: 'counts each tick once by how late it was, in 13 numbers',
    rules: [29],
    topics: { 'late.tick': { interval: '10ms', data: 1 } },
    async run({ daemon }) {
      const peer = await daemon.subscriber('late.tick');
      await peer.messages('late.tick', 10);
      const [topic] = listOf(await peer.status({ topics: ['late.tick'] }), 'topics');
      const { counts, sumMs } = topic!['lateness'] as { counts: number[]; sumMs: number };
      equal(counts.length, 13);
      for (const count of counts) isCount(count, 'a count');
      ok(sumMs >= 0);
      // The first message is a sample that the client has caused, and no tick.
      equal(
        counts.reduce((sum, count) => sum + count),
        Number(topic!['seq']) - 1,
      );
    },
  },
  {
    name: 'describes itself, its topics and its clients by all of their fields',
    rules: [],
    table: 'The status',
    topics: {
      'described.tick': { interval: '1h', data: 1 },
      'described.t': published,
      'described.feed': { provide: true },
    },
    async run({ daemon }) {
      const peer = await daemon.connect();
      const { instance } = await peer.register(['described.*'], { name: 'described' });
      await peer.provide('described.feed');
      await peer.frame('described.tick');
      const before = await peer.publish('described.t', 1);
      const status = await peer.status({ topics: ['described.*'] });
      has(status, { instance, socketPath: daemon.process.socket, reload: null });
      for (const field of ['version', 'configFile']) isText(status[field], field);
      for (const field of numberFields) isCount(status[field], field);
      for (const field of totalsFields) isCount((status['totals'] as Data)[field], field);
      for (const field of ['activeMs', 'idleMs', 'lagMs'])
        ok(Number((status['eventLoop'] as Data)[field]) >= 0, `eventLoop.${field}`);

      const topics = new Map(listOf(status, 'topics').map((topic) => [topic['topic'], topic]));
      for (const topic of topics.values())
        for (const field of topicFields) ok(field in topic, `${String(topic['topic'])} has no ${field}`);
      has(topics.get('described.tick')!, {
        source: 'data',
        awake: true,
        seq: 1,
        clients: 1,
        lastError: null,
      });
      has(topics.get('described.t')!, {
        schedule: null,
        next: null,
        source: 'publish',
        seq: before,
        publishable: true,
      });
      const own = listOf(status, 'clients').find(({ name }) => name === 'described')!;
      has(topics.get('described.feed')!, { source: 'provide', seq: 0, lastSent: null, provider: own['id'] });
      has(own, { pid: process.pid, uid: process.getuid!(), gid: process.getgid!() });
      has(own, { topics: ['described.*'], patternCount: 1, skipped: 0, provides: 1 });
      for (const field of ['id', 'sent', 'pendingBytes', 'since']) isCount(own[field], field);
      ok(Array.isArray(own['groups']) && !('onBehalf' in own));
      const user = listOf(status, 'users').find(({ uid }) => uid === process.getuid!())!;
      for (const field of ['clients', 'pendingBytes']) isCount(user[field], field);
    },
  },
];
