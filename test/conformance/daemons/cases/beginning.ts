import { deepEqual, equal } from 'node:assert/strict';

import type { DaemonCase } from '../daemon-case.ts';
import { has } from './assertions.ts';

const published = { publish: true };
const topicsOf = (...names: string[]) => Object.fromEntries(names.map((name) => [name, published]));

export const beginning: readonly DaemonCase[] = [
  {
    name: 'answers a registration before it sends the messages that result from it',
    rules: [9, 11],
    topics: topicsOf('before.a', 'before.b'),
    async run({ daemon }) {
      const publisher = await daemon.connect();
      for (const topic of ['before.a', 'before.b']) await publisher.publish(topic, topic);
      const peer = await daemon.connect();
      peer.send('chimed.register', { topics: ['before.a', 'before.>'] });
      await peer.frame('before.b');
      equal(peer.frames.items[0]!.type, 'chimed.registered');
    },
  },
  {
    name: 'sends the last message at once to a client that registers',
    rules: [11],
    topics: {
      'last.price': published,
      'last.tick': { interval: '1h', data: 'tock' },
      'last.feed': { provide: true },
    },
    async run({ daemon }) {
      const first = await daemon.subscriber('last.tick');
      await first.frame('last.tick');
      for (const data of [1, 2]) await first.publish('last.price', data);
      await first.provide('last.feed');
      first.send('last.feed', 'fed');
      await first.settled();
      const second = await daemon.subscriber('last.*');
      const heard = (await second.settled()).filter(({ type }) => type.startsWith('last.'));
      deepEqual(heard.map(({ type, seq, data }) => [type, seq, data]).toSorted(), [
        ['last.feed', 1, 'fed'],
        ['last.price', 2, 2],
        ['last.tick', 1, 'tock'],
      ]);
    },
  },
  {
    name: 'takes a sample for the first client of a topic that ticks, and sends it',
    rules: [11],
    topics: { 'wake.tick': { interval: '1h', command: ['echo', 'awake'] } },
    async run({ daemon }) {
      const peer = await daemon.subscriber('wake.tick');
      has(await peer.frame('wake.tick'), { data: 'awake', seq: 1 });
    },
  },
  {
    name: 'sends no last message of a topic with first: none',
    rules: [11],
    topics: { 'nofirst.t': { publish: true, first: 'none' } },
    async run({ daemon }) {
      const publisher = await daemon.connect();
      await publisher.publish('nofirst.t', 1);
      const peer = await daemon.subscriber('nofirst.t');
      await publisher.publish('nofirst.t', 2);
      has(await peer.frame('nofirst.t'), { seq: 2 });
    },
  },
  {
    name: 'sends no last message that is older than maxAge',
    rules: [11],
    topics: { 'aged.t': { publish: true, maxAge: '50ms' }, 'aged.tick': { interval: '20ms', data: 1 } },
    async run({ daemon }) {
      const publisher = await daemon.subscriber('aged.t', 'aged.tick');
      await publisher.publish('aged.t', 1);
      const { time } = await publisher.frame('aged.t');
      await publisher.frames.find(
        (tick) => tick.type === 'aged.tick' && Number(tick['time']) > Number(time) + 50,
      );
      const peer = await daemon.subscriber('aged.t');
      await publisher.publish('aged.t', 2);
      has(await peer.frame('aged.t'), { seq: 2 });
    },
  },
];
