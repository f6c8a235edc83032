import { deepEqual, equal, ok } from 'node:assert/strict';

import type { DaemonCase } from '../daemon-case.ts';
import type { DaemonUnderTest } from '../daemon-under-test.ts';
import type { Data, Frame, RawPeer, Registered } from '../raw-peer.ts';
import { has, isText, namesOf, refuses } from './assertions.ts';

const provided = { provide: true };
const published = { publish: true };
/** A second, less what a busy machine can take longer to read the first of two. */
const LEAST_APART_MS = 800;
const NOBODY = 'no client provides it';

/** Registers for a topic, and is told that it fails. */
async function failing(daemon: DaemonUnderTest, topic: string, error: string): Promise<RawPeer> {
  const peer = await daemon.subscriber(topic);
  has(await peer.control('failing'), { topic, error });
  return peer;
}

export const provisionChanges: readonly DaemonCase[] = [
  {
    name: 'gives up topics, ignores others, and lets another client provide them',
    rules: [56],
    topics: { 'giveup.t': provided, 'giveup.theirs': provided },
    async run({ daemon }) {
      const other = await daemon.provider('giveup.theirs');
      const first = await daemon.provider('giveup.t');
      const peer = await daemon.subscriber('giveup.*');
      const topics = ['giveup.theirs', 'giveup.none', 'giveup.t'];
      deepEqual(await first.demand('unprovide', { topics }, 'provided'), {});
      ok(!first.frames.items.some(({ type }) => type === 'chimed.rejected'));
      has(await peer.control('failing'), { topic: 'giveup.t', error: NOBODY });
      await daemon.provider('giveup.t');
      has(await peer.control('recovered'), { topic: 'giveup.t' });
      other.send('giveup.theirs', 1);
      await peer.frame('giveup.theirs');
    },
  },
  {
    name: 'removes a topic that matches a name with wildcards once it is given up, and continues its numbering',
    rules: [56],
    topics: { 'removed.*': provided },
    async run({ daemon }) {
      const provider = await daemon.provider('removed.t');
      provider.send('removed.t', 1).send('removed.t', 2);
      await provider.demand('unprovide', { topics: ['removed.t'] }, 'provided');
      const listed = async () => (await provider.status({ topics: ['removed.*'] }))['topics'];
      deepEqual(await listed(), []);
      refuses(await provider.refused('get', { topic: 'removed.t' }), 'unknown-topic', {});
      await provider.provide('removed.t');
      const peer = await daemon.connect();
      has((await peer.register(['removed.t'])).topics[0], { topic: 'removed.t', seq: 2 });
      provider.send('removed.t', 3);
      has(await peer.frames.find(({ data }) => data === 3), { seq: 3 });
    },
  },
  {
    name: 'has the topics of a provider fail when its connection ends, until a client provides them again',
    rules: [57],
    topics: { 'gone.t': provided, 'gone.of.*': provided },
    async run({ daemon }) {
      const provider = await daemon.provider('gone.t', 'gone.of.a');
      const peer = await daemon.subscriber('gone.>');
      provider.cut();
      const frames = await peer.frames.take(2, ({ type }) => type === 'chimed.failing');
      for (const { data } of frames) has(data, { error: 'the provider is gone' });
      deepEqual(frames.map(({ data }) => (data as Data)['topic']).toSorted(), ['gone.of.a', 'gone.t']);
      await daemon.provider('gone.t');
      has(await peer.control('recovered'), { topic: 'gone.t' });
    },
  },
  {
    name: 'has a topic fail that no client has provided, until one does',
    rules: [57, 59],
    topics: { 'orphan.t': provided },
    async run({ daemon }) {
      const peer = await failing(daemon, 'orphan.t', NOBODY);
      await daemon.provider('orphan.t');
      has(await peer.control('recovered'), { topic: 'orphan.t' });
    },
  },
  {
    name: 'registers a client for a topic that does not exist but matches a name with wildcards',
    rules: [59],
    topics: { 'await.>': provided },
    async run({ daemon }) {
      const peer = await failing(daemon, 'await.t', NOBODY);
      deepEqual(
        peer.frames.items.map(({ type }) => type),
        ['chimed.registered', 'chimed.failing'],
      );
      const provider = await daemon.provider('await.t');
      has(await peer.control('recovered'), { topic: 'await.t' });
      has(await provider.control('wanted'), { topic: 'await.t' });
      provider.send('await.t', 1);
      has(await peer.frame('await.t'), { data: 1, seq: 1 });
      await provider.demand('unprovide', { topics: ['await.t'] }, 'provided');
      const [, again] = await peer.frames.take(2, ({ type }) => type === 'chimed.failing');
      has(again!.data, { topic: 'await.t', error: NOBODY });
    },
  },
  {
    name: 'sends chimed.registered again when topics come or go, at most once per second to each client',
    rules: [60],
    topics: { 'flux.>': provided, 'fluxclock.tick': { interval: '50ms', data: 1 } },
    async run({ daemon }) {
      const clock = await daemon.subscriber('fluxclock.tick');
      const provider = await daemon.connect();
      const peer = await daemon.subscriber('flux.>');
      const other = await daemon.subscriber('flux.none');
      const arrivals: number[] = [];
      const isAgain = ({ type }: Frame): boolean => type === 'chimed.registered';
      const again = (count: number) =>
        peer.frames.take(count + 1, isAgain).then((frames) => {
          arrivals.push(performance.now());
          return namesOf(frames.at(-1)!.data as Registered);
        });
      const second = again(1).then(() => again(2));
      for (let count = 0; arrivals.length < 2; count++) {
        await provider.provide(`flux.n${count}`);
        await clock.frame('fluxclock.tick', clock.frames.items.length);
      }
      ok((await second).includes('flux.n0'));
      await provider.demand('unprovide', { topics: ['flux.n0'] }, 'provided');
      ok(!(await again(3)).includes('flux.n0') || !(await again(4)).includes('flux.n0'));
      for (const [index, at] of arrivals.slice(1).entries()) {
        const apart = Math.round(at - arrivals[index]!);
        ok(apart > LEAST_APART_MS, `two within ${apart} ms`);
      }
      equal((await other.settled()).filter(isAgain).length, 1);
    },
  },
  {
    name: 'tells a provider of a topic that a reload takes away, and refuses its messages from then on',
    rules: [55, 58],
    async run(stage) {
      const topics = {
        stays: provided,
        goes: provided,
        'of.*': provided,
        changes: provided,
        closes: provided,
      };
      const daemon = await stage.start({ topics });
      const provider = await daemon.provider('stays', 'goes', 'of.a', 'changes');
      const user = await daemon.onBehalfOf({ uid: 4243, gid: 4243 });
      await user.provide('closes');
      const from = provider.frames.items.length;
      await daemon.reload({
        topics: { stays: provided, changes: published, closes: { provide: true, access: { provide: [] } } },
      });
      const refused = (await provider.frames.take(3, ({ type }) => type === 'chimed.rejected', from)).map(
        ({ data }) => data as Data,
      );
      const codes = new Map(refused.map(({ topic, code }) => [topic, code]));
      for (const each of refused) {
        has(each, { request: 'chimed.provide' });
        isText(each['message'], 'message');
      }
      deepEqual([...codes].toSorted(), [
        ['changes', 'not-providable'],
        ['goes', 'unknown-topic'],
        ['of.a', 'unknown-topic'],
      ]);
      refuses(await user.control('rejected'), 'not-allowed', { request: 'chimed.provide', topic: 'closes' });
      for (const topic of ['goes', 'changes']) {
        const { length } = provider.frames.items;
        provider.send(topic, 1);
        refuses(await provider.control('rejected', length), 'not-provided', { request: topic, topic });
      }
      provider.send('stays', 1);
      has(await (await daemon.subscriber('stays')).frame('stays'), { data: 1 });
    },
  },
];
