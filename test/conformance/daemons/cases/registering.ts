import { deepEqual, equal, ok } from 'node:assert/strict';

import type { DaemonCase } from '../daemon-case.ts';
import { has, hasSeqs, isCount, isText, namesOf, refuses, saysNothingOf } from './assertions.ts';

const published = { publish: true };
const topicsOf = (...names: string[]) => Object.fromEntries(names.map((name) => [name, published]));

const words = ['words.a', 'words.b', 'words.a.x', 'words.b.x', 'words.a.x.y'];
/** Which topics of these each pattern matches. */
const matched: Readonly<Record<string, readonly string[]>> = {
  'words.a': ['words.a'],
  'words.*': ['words.a', 'words.b'],
  'words.>': words,
  'words.*.x': ['words.a.x', 'words.b.x'],
  'words.a.*': ['words.a.x'],
  'words.a.>': ['words.a.x', 'words.a.x.y'],
  'words.*.>': ['words.a.x', 'words.b.x', 'words.a.x.y'],
  '*.a': ['words.a'],
  '*.a.>': ['words.a.x', 'words.a.x.y'],
  'words.a.x.y.>': [],
  words: [],
};

const invalid = [
  '',
  '.',
  'a.',
  '.a',
  'a..b',
  'a b',
  'ä',
  'a*',
  '*a',
  '>.a',
  'a.>.b',
  'a>',
  'chimed',
  'chimed.a',
  'chimed.>',
  'a'.repeat(256),
];

const numbered = (prefix: string, count: number) =>
  topicsOf(...Array.from({ length: count }, (_, index) => `${prefix}.n${index}`));

export const registering: readonly DaemonCase[] = [
  {
    name: 'takes * for exactly one word, and > at the end for one or more',
    rules: [8],
    topics: topicsOf(...words),
    async run({ daemon }) {
      for (const [pattern, topics] of Object.entries(matched)) {
        const peer = await daemon.connect();
        const isOwn = (name: string): boolean => name.startsWith('words.');
        deepEqual(namesOf(await peer.register([pattern])).filter(isOwn), [...topics].toSorted(), pattern);
        for (const topic of words) await peer.publish(topic, pattern);
        const heard = (await peer.settled()).filter(({ type, data }) => isOwn(type) && data === pattern);
        deepEqual(
          heard.map(({ type }) => type),
          words.filter((word) => topics.includes(word)),
          pattern,
        );
        peer.cut();
      }
    },
  },
  {
    name: 'refuses what is neither a topic nor a pattern',
    rules: [8],
    table: 'Limits',
    topics: topicsOf('invalid.t'),
    async run({ daemon }) {
      const peer = await daemon.connect();
      for (const pattern of invalid) {
        const from = peer.frames.items.length;
        peer.send('chimed.register', { topics: [pattern] });
        refuses(await peer.control('rejected', from), 'bad-request', { request: 'chimed.register' });
      }
      await peer.register([`${'a'.repeat(253)}.>`]);
      await peer.register(['invalid.t']);
    },
  },
  {
    name: 'answers a registration with all that the client receives from now on',
    rules: [9],
    topics: {
      'answer.price': published,
      'answer.feed': { provide: true },
      'answer.tick': { interval: '1h30m', data: 1 },
    },
    async run({ daemon }) {
      const peer = await daemon.connect();
      await peer.publish('answer.price', 1);
      const first = await peer.register(['answer.price']);
      const { instance, client, offset } = first;
      isText(instance, 'instance');
      isCount(client, 'client');
      isCount(offset, 'offset');
      equal(first['protocol'], 1);
      deepEqual(first.topics, [{ topic: 'answer.price', interval: null, instance, seq: 1 }]);
      ok(!('more' in first || 'uncounted' in first || 'onBehalfOf' in first));
      const { frameBytes } = first['limits'] as { frameBytes: number };
      ok(frameBytes >= 64 * 1024);

      const second = await peer.register(['answer.tick', 'answer.*']);
      equal(second.client, client);
      const { topics } = second;
      deepEqual(namesOf(second), ['answer.feed', 'answer.price', 'answer.tick']);
      has(
        topics.find(({ topic }) => topic === 'answer.tick')!,
        { interval: 90 * 60 * 1000, instance },
      );
      has(
        topics.find(({ topic }) => topic === 'answer.feed')!,
        { interval: null, instance, seq: 0 },
      );
    },
  },
  {
    name: 'sends each message once to a client that several patterns match',
    rules: [9, 14],
    topics: topicsOf('twice.t'),
    async run({ daemon }) {
      const peer = await daemon.connect();
      equal((await peer.register(['twice.t', 'twice.*', 'twice.>', 'twice.t'])).topics.length, 1);
      await peer.register(['twice.t', 'twice.*']);
      for (const data of [1, 2]) await peer.publish('twice.t', data);
      hasSeqs(
        (await peer.settled()).filter(({ type }) => type === 'twice.t'),
        1,
        2,
      );
    },
  },
  {
    name: 'lists 1,000 topics, and says if there are more',
    rules: [9],
    topics: { ...numbered('thousand.some', 999), ...topicsOf('thousand.last', 'thousand.more') },
    async run({ daemon }) {
      const peer = await daemon.connect();
      const all = await peer.register(['thousand.some.*', 'thousand.last']);
      equal(all.topics.length, 1000);
      ok(!('more' in all));
      const more = await peer.register(['thousand.more']);
      equal(new Set(namesOf(more)).size, 1000);
      equal(more['more'], true);
      for (const topic of ['thousand.last', 'thousand.more']) {
        await peer.publish(topic, 1);
        await peer.frame(topic);
      }
    },
  },
  {
    name: 'sends the list again when a reload adds a topic, and then its messages',
    rules: [9, 38],
    async run(stage) {
      const topics = topicsOf('list.a');
      const daemon = await stage.start({ topics });
      const peer = await daemon.subscriber('list.*');
      const other = await daemon.subscriber('list.a');
      const from = peer.frames.items.length;
      await daemon.reload({ topics: { ...topics, ...topicsOf('list.b') } });
      deepEqual(namesOf(await peer.control('registered', from)), ['list.a', 'list.b']);
      await peer.publish('list.b', 1);
      await peer.frame('list.b');
      saysNothingOf('list.b', await other.settled());
    },
  },
  {
    name: 'sends the list again when a reload removes a topic',
    rules: [9],
    async run(stage) {
      const daemon = await stage.start({ topics: topicsOf('list.a', 'list.b') });
      const peer = await daemon.subscriber('list.*');
      await daemon.reload({ topics: topicsOf('list.b') });
      deepEqual(namesOf(await peer.control('registered', 1)), ['list.b']);
    },
  },
  {
    name: 'refuses a topic that does not exist by its name, and registers the others',
    rules: [10, 26],
    topics: topicsOf('some.t'),
    async run({ daemon }) {
      const peer = await daemon.connect();
      const { topics } = await peer.register(['some.none', 'some.t', 'nowhere']);
      deepEqual(
        topics.map(({ topic }) => topic),
        ['some.t'],
      );
      const rejections = (await peer.settled()).filter(({ type }) => type === 'chimed.rejected');
      for (const [index, topic] of ['some.none', 'nowhere'].entries())
        refuses(rejections[index]?.data, 'unknown-topic', { request: 'chimed.register', topic });
      equal(rejections.length, 2);
      await peer.publish('some.t', 1);
      await peer.frame('some.t');
    },
  },
  {
    name: 'refuses a topic that the user is not allowed to read by its name, and registers the others',
    rules: [10, 26],
    topics: { 'private.mine': { publish: true, access: { subscribe: ['4242'] } }, 'private.open': published },
    async run({ daemon }) {
      const peer = await daemon.connect();
      const onBehalfOf = { uid: 4243, gid: 4243 };
      const { topics } = await peer.register(['private.mine', 'private.open', 'private.>'], { onBehalfOf });
      deepEqual(
        topics.map(({ topic }) => topic),
        ['private.open'],
      );
      refuses(await peer.control('rejected'), 'not-allowed', {
        request: 'chimed.register',
        topic: 'private.mine',
      });
      const publisher = await daemon.connect();
      for (const topic of ['private.mine', 'private.open']) await publisher.publish(topic, 1);
      await peer.frame('private.open');
      ok(!peer.frames.items.some(({ type }) => type === 'private.mine'));
    },
  },
  {
    name: 'registers for a pattern that matches no topic, without a rejection',
    rules: [38],
    topics: topicsOf('unmatched.t'),
    async run({ daemon }) {
      const peer = await daemon.connect();
      deepEqual((await peer.register(['unmatched.of.*', 'unmatched.in.>'])).topics, []);
      ok(!(await peer.settled()).some(({ type }) => type === 'chimed.rejected'));
    },
  },
  {
    name: 'withdraws patterns, answers with what is left, and sends no more of the others',
    rules: [12],
    topics: topicsOf('leave.a', 'leave.b', 'leave.c'),
    async run({ daemon }) {
      const peer = await daemon.subscriber('leave.a', 'leave.b', 'leave.*');
      deepEqual(namesOf(await peer.unregister('leave.a')), ['leave.a', 'leave.b', 'leave.c']);
      deepEqual(namesOf(await peer.unregister('leave.*', 'leave.unknown')), ['leave.b']);
      for (const topic of ['leave.a', 'leave.c', 'leave.b']) await peer.publish(topic, 1);
      const heard = (await peer.settled()).filter(({ type }) => type.startsWith('leave.'));
      deepEqual(
        heard.map(({ type }) => type),
        ['leave.b'],
      );
    },
  },
];
