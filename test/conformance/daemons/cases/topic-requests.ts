import { deepEqual, equal, ok } from 'node:assert/strict';

import type { DaemonCase } from '../daemon-case.ts';
import type { Data, RawPeer } from '../raw-peer.ts';
import { has, isCount, isText, refuses } from './assertions.ts';

const published = { publish: true };

export const topicRequests: readonly DaemonCase[] = [
  {
    name: 'gives the last message of a topic, without a registration',
    rules: [],
    table: 'Control frames',
    topics: { 'get.t': published, 'get.feed': { provide: true } },
    async run({ daemon }) {
      const peer = await daemon.connect();
      deepEqual(await peer.demand('get', { topic: 'get.t' }, 'got'), { topic: 'get.t' });
      for (const data of [1, { a: 2 }]) await peer.publish('get.t', data);
      const { time, offset, ...got } = await peer.demand('get', { topic: 'get.t' }, 'got');
      deepEqual(got, { topic: 'get.t', seq: 2, data: { a: 2 } });
      isCount(time, 'time');
      isCount(offset, 'offset');
      await peer.publish('get.t', 3);
      ok(!(await peer.settled()).some(({ type }) => type === 'get.t'));
      await peer.provide('get.feed');
      peer.send('get.feed', 1, { seq: 3, time: 5, instance: 'origin' });
      has(await peer.demand('get', { topic: 'get.feed' }, 'got'), { seq: 3, time: 5, instance: 'origin' });
    },
  },
  {
    name: 'refuses to give a last message of more than 1 MiB, which it sends to subscribers',
    rules: [],
    table: 'Control frames',
    topics: { 'big.t': { interval: '1h', data: 'x'.repeat(1024 * 1024), maxBytes: '2MiB' } },
    async run({ daemon }) {
      const peer = await daemon.subscriber('big.t');
      await peer.frame('big.t');
      refuses(await peer.refused('get', { topic: 'big.t' }), 'too-large', { request: 'chimed.get' });
    },
  },
  {
    name: 'withdraws the last publication, and goes on with the numbering',
    rules: [14],
    table: 'Control frames',
    topics: { 'clear.t': published },
    async run({ daemon }) {
      const peer = await daemon.connect();
      await peer.publish('clear.t', 1);
      deepEqual(await peer.demand('clear', { topic: 'clear.t' }, 'cleared'), { topic: 'clear.t' });
      deepEqual(await peer.demand('get', { topic: 'clear.t' }, 'got'), { topic: 'clear.t' });
      await peer.register(['clear.t']);
      equal(await peer.publish('clear.t', 2), 2);
      has(await peer.frame('clear.t'), { seq: 2 });
    },
  },
  {
    name: 'takes one sample, which subscribers do not receive',
    rules: [],
    table: 'Control frames',
    topics: {
      'probe.t': { interval: '1h', command: ['echo', '[1]'] },
      'probe.broken': { interval: '1h', command: 'exit 3' },
    },
    async run({ daemon }) {
      const peer = await daemon.subscriber('probe.t');
      await peer.frame('probe.t');
      const { ms, ...sampled } = await peer.demand('sample', { topic: 'probe.t' }, 'sampled');
      deepEqual(sampled, { topic: 'probe.t', bytes: 3, data: [1] });
      ok(typeof ms === 'number' && ms >= 0);
      const { error, ...failed } = await peer.demand('sample', { topic: 'probe.broken' }, 'sampled');
      isText(error, 'error');
      ok(!('data' in failed || 'bytes' in failed));
      equal((await peer.settled()).filter(({ type }) => type === 'probe.t').length, 1);
    },
  },
  {
    name: 'says by its id what a reload has changed, and refuses one that has mistakes',
    rules: [25, 26],
    table: 'Control frames',
    async run(stage) {
      const topics = { stays: published, goes: published, changes: { interval: '1h', data: 1 } };
      const daemon = await stage.start({ topics });
      const after = { stays: published, changes: { interval: '1h', data: 2 }, comes: published };
      const { config, ...reloaded } = await daemon.reload({ topics: after });
      isText(config, 'config');
      has(reloaded, { removed: ['goes'], needRestart: [] });
      deepEqual((reloaded['changed'] as string[]).toSorted(), ['changes', 'comes']);
      daemon.process.configure({ topics: { stays: { publish: 'maybe' } } });
      const peer = await daemon.subscriber('comes');
      refuses(await peer.refused('reload', {}), 'bad-config', { request: 'chimed.reload' });
      await peer.publish('comes', 1);
      await peer.frame('comes');
    },
  },
  {
    name: 'names the settings that a reload cannot change as the configuration does',
    rules: [],
    table: 'Control frames',
    async run(stage) {
      const topics = { t: published };
      const daemon = await stage.start({ topics });
      const { needRestart } = await daemon.reload({
        topics,
        clients: { frameTimeout: '9s', frameBytes: '64KiB' },
      });
      deepEqual((needRestart as string[]).toSorted(), ['clients.frameBytes', 'clients.frameTimeout']);
    },
  },
  {
    name: 'registers a client that sends a message of a topic for this topic, without an answer',
    rules: [4],
    table: 'Control frames',
    topics: { 'knock.t': published, 'knock.feed': { provide: true } },
    async run({ daemon }) {
      const publisher = await daemon.connect();
      await publisher.publish('knock.t', 1);
      const peer = await daemon.connect();
      peer.send('knock.t', 'hello').send('knock.t', { again: true }).send('knock.feed');
      await peer.frame('knock.t');
      await publisher.publish('knock.t', 2);
      const frames = await peer.settled();
      deepEqual(
        frames.filter(({ type }) => type === 'knock.t').map(({ data }) => data),
        [1, 2],
      );
      ok(!frames.some(({ type }) => type === 'chimed.registered' || type === 'chimed.rejected'));
    },
  },
  {
    name: 'refuses a message of a topic that does not exist, by its type',
    rules: [4, 26],
    topics: { 'knocked.t': published },
    async run({ daemon }) {
      const peer = await daemon.connect();
      peer.send('knocked.none', 1).send('knocked.t', 1);
      refuses(await peer.control('rejected'), 'unknown-topic', { request: 'knocked.none' });
      await peer.publish('knocked.t', 1);
      await peer.frame('knocked.t');
    },
  },
  {
    name: 'tells subscribers that a topic fails or fails for another reason, and that it has recovered before its message',
    rules: [],
    table: 'Control frames',
    topics: { 'ill.t': { provide: true } },
    async run({ daemon }) {
      const provider = await daemon.provider('ill.t');
      const early = await daemon.subscriber('ill.t');
      provider.send('ill.t', 1);
      const before = Date.now();
      for (const error of ['one', 'one', 'another']) provider.send('chimed.fail', { topic: 'ill.t', error });
      await provider.settled();
      const late = await daemon.subscriber('ill.t');
      provider.send('ill.t', 2);
      const told = async (peer: RawPeer): Promise<unknown[]> => {
        await peer.frames.find(({ type, data }) => type === 'ill.t' && data === 2);
        return peer.frames.items.slice(1).map(({ type, data }) => {
          if (type !== 'chimed.failing') return [type, (data as Data)['failures'] ?? data];
          const { topic, error, since, failures } = data as Data;
          equal(topic, 'ill.t');
          ok(Number(since) >= before && Number(since) <= Date.now());
          return [type, error, failures];
        });
      };
      deepEqual(await told(early), [
        ['ill.t', 1],
        ['chimed.failing', 'one', 1],
        ['chimed.failing', 'another', 3],
        ['chimed.recovered', 3],
        ['ill.t', 2],
      ]);
      deepEqual(await told(late), [
        ['ill.t', 1],
        ['chimed.failing', 'another', 3],
        ['chimed.recovered', 3],
        ['ill.t', 2],
      ]);
    },
  },
];
