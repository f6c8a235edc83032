import { deepEqual, equal } from 'node:assert/strict';

import type { DaemonCase } from '../daemon-case.ts';
import type { Data } from '../raw-peer.ts';
import { encode } from '../raw-peer.ts';
import { has, refuses, until } from './assertions.ts';
import { hasty } from './settings.ts';

const published = { publish: true };

export const limits: readonly DaemonCase[] = [
  {
    name: 'warns a client that is too fast, and carries out all of its requests',
    rules: [36],
    table: 'Limits',
    topics: { 'fast.t': published },
    settings: { clients: { requestsPerSecond: 10 } },
    async run({ daemon }) {
      const peer = await daemon.connect();
      const count = 25; // Ten are allowed at once, and the others take 1.5 s.
      await peer.write(
        Array.from({ length: count }, (_, id) =>
          encode('chimed.publish', { topic: 'fast.t', data: id, id }),
        ).join(''),
      );
      const answers = await peer.frames.take(count, ({ type }) => type === 'chimed.published');
      deepEqual(
        answers.map(({ data }) => (data as Data)['id']),
        [...answers.keys()],
      );
      refuses(await peer.control('rejected'), 'too-fast', { request: 'chimed.publish' });
    },
  },
  {
    name: 'accepts a name of 100 characters, and refuses a longer one or one with control characters',
    rules: [],
    table: 'Limits',
    topics: { 'named.t': published },
    async run({ daemon }) {
      const peer = await daemon.connect();
      await peer.register([], { name: 'é'.repeat(100) });
      for (const name of ['x'.repeat(101), 'a\nb', 'a\u0007', 5, null]) {
        const from = peer.frames.items.length;
        peer.send('chimed.register', { topics: ['named.t'], name });
        refuses(await peer.control('rejected', from), 'bad-request', { request: 'chimed.register' });
      }
      deepEqual((await peer.register([])).topics, []);
    },
  },
  {
    name: 'registers a client for 256 patterns, and refuses a further one by its name',
    rules: [10],
    table: 'Limits',
    topics: { 'patterns.t': published },
    async run({ daemon }) {
      const peer = await daemon.connect();
      await peer.register(Array.from({ length: 256 }, (_, index) => `patterns.of.n${index}.>`));
      await peer.register(['patterns.t', 'patterns.of.n0.>']);
      const rejections = (await peer.settled()).filter(({ type }) => type === 'chimed.rejected');
      equal(rejections.length, 1);
      refuses(rejections[0]!.data, 'too-many-patterns', { request: 'chimed.register', topic: 'patterns.t' });
      await peer.unregister('patterns.of.n0.>');
      deepEqual((await peer.register(['patterns.t'])).topics.length, 1);
    },
  },
  {
    name: 'disconnects a client that reads nothing for clients.stallTimeout',
    rules: [26],
    table: 'Limits',
    topics: { 'stalled.t': published },
    settings: hasty,
    async run({ daemon }) {
      const peer = await daemon.connect();
      await peer.register(['stalled.t'], { name: 'stalled client' });
      peer.freeze();
      const publisher = await daemon.connect();
      const own = async (): Promise<Data | undefined> => {
        const clients = (await publisher.status({ topics: [] }))['clients'] as Data[];
        return clients.find(({ name }) => name === 'stalled client');
      };
      const data = 'x'.repeat(10_000);
      while (Number((await own())!['pendingBytes']) === 0) await publisher.publish('stalled.t', data);
      await until(async () => (await own()) === undefined);
      peer.thaw();
      await peer.closed;
      // It reads why only if there was room for that.
      const rejections = peer.frames.items.filter(({ type }) => type === 'chimed.rejected');
      for (const rejection of rejections) has(rejection.data, { code: 'stalled' });
    },
  },
];
