import { deepEqual, equal, ok } from 'node:assert/strict';

import type { DaemonCase } from '../daemon-case.ts';
import type { Data, Frame } from '../raw-peer.ts';
import { has, namesOf, refuses } from './assertions.ts';
import { tight } from './settings.ts';

const provided = { provide: true };
const published = { publish: true };

/** What a provider is told of the demand for its topics. */
function demands(frames: readonly Frame[]): string[] {
  return frames
    .filter(({ type }) => type === 'chimed.wanted' || type === 'chimed.unwanted')
    .map(({ type, data }) => `${type.slice('chimed.'.length)} ${String((data as Data)['topic'])}`);
}

export const providing: readonly DaemonCase[] = [
  {
    name: 'lets a client provide topics by their configured names and by names that wildcards match',
    rules: [45, 49],
    topics: { 'source.t': provided, 'source.of.>': provided },
    async run({ daemon }) {
      const provider = await daemon.provider('source.t', 'source.of.a', 'source.of.b.c');
      const names = ['source.of.a', 'source.of.b.c', 'source.t'];
      const peer = await daemon.connect();
      deepEqual(namesOf(await peer.register(['source.>'])), names);
      for (const name of names) {
        provider.send(name, name);
        has(await peer.frame(name), { data: name, seq: 1 });
      }
    },
  },
  {
    name: 'refuses to have wildcards provided',
    rules: [45],
    topics: { 'wild.>': provided },
    async run({ daemon }) {
      const peer = await daemon.connect();
      for (const name of ['wild.*', 'wild.>', '>', 'chimed.a', ''])
        refuses(await peer.refused('provide', { topics: ['wild.a', name] }), 'bad-request', {
          request: 'chimed.provide',
        });
    },
  },
  {
    name: 'refuses topic by topic what a client cannot provide, then answers, then says what is wanted',
    rules: [45, 46, 47],
    topics: {
      'each.t': provided,
      'each.other': published,
      'each.theirs': { provide: true, access: { provide: ['4242'] } },
      'each.taken': provided,
    },
    async run({ daemon }) {
      const first = await daemon.connect();
      await first.register([], { name: 'the first provider' });
      await first.provide('each.taken');
      await daemon.subscriber('each.*');
      const peer = await daemon.onBehalfOf({ uid: 4243, gid: 4243 });
      peer.send('chimed.provide', {
        topics: ['each.other', 'each.none', 'each.t', 'each.theirs', 'each.taken'],
        id: 'x',
      });
      await peer.control('wanted');
      const frames = (await peer.settled()).slice(1);
      const codes = ['not-providable', 'unknown-topic', 'not-allowed', 'already-provided'];
      const names = ['each.other', 'each.none', 'each.theirs', 'each.taken'];
      for (const [index, code] of codes.entries()) {
        equal(frames[index]!.type, 'chimed.rejected');
        refuses(frames[index]!.data, code, { request: 'chimed.provide', topic: names[index] });
      }
      ok(
        String((frames[3]!.data as Data)['message']).includes('the first provider'),
        'the message says by whom',
      );
      deepEqual(frames[4], { type: 'chimed.provided', data: { id: 'x' } });
      deepEqual(demands(frames.slice(5)), ['wanted each.t']);
      equal(frames.length, 6);
    },
  },
  {
    name: 'refuses a topic beyond the maxTopics of its name with wildcards',
    rules: [46],
    topics: { 'few.>': { provide: true, maxTopics: 2 } },
    async run({ daemon }) {
      const peer = await daemon.provider('few.a', 'few.b');
      const from = peer.frames.items.length;
      await peer.provide('few.c');
      refuses(await peer.control('rejected', from), 'too-many-topics', {
        request: 'chimed.provide',
        topic: 'few.c',
      });
      await peer.demand('unprovide', { topics: ['few.a'] }, 'provided');
      await peer.provide('few.c');
      deepEqual(namesOf(await peer.register(['few.*'])), ['few.b', 'few.c']);
    },
  },
  {
    name: 'takes a topic that the client provides already for no change',
    rules: [46],
    topics: { 'again.t': provided },
    async run({ daemon }) {
      const provider = await daemon.provider('again.t');
      const subscriber = await daemon.subscriber('again.t');
      await provider.control('wanted');
      const [before, after] = [provider.frames.items.length, subscriber.frames.items.length];
      await provider.provide('again.t');
      deepEqual(
        (await provider.settled(before)).map(({ type }) => type),
        ['chimed.provided'],
      );
      deepEqual(await subscriber.settled(after), []);
    },
  },
  {
    name: 'answers chimed.provide and chimed.unprovide only if they have an id',
    rules: [47, 56],
    topics: { 'noid.t': provided },
    async run({ daemon }) {
      const peer = await daemon.connect();
      const topics = ['noid.t'];
      deepEqual(
        await peer.send('chimed.provide', { topics }).send('chimed.unprovide', { topics }).settled(),
        [],
      );
    },
  },
  {
    name: 'says with each change whether a topic is wanted, and not for each subscriber',
    rules: [47, 48],
    topics: { 'want.t': provided, 'want.always': { provide: true, always: true }, 'want.never': provided },
    async run({ daemon }) {
      const early = await daemon.subscriber('want.t');
      const provider = await daemon.provider('want.t', 'want.always', 'want.never');
      const late = await daemon.subscriber('want.t', 'want.t.>');
      await early.unregister('want.t');
      await late.unregister('want.t');
      await early.register(['want.t']);
      early.cut();
      await provider.frames.take(2, ({ type }) => type === 'chimed.unwanted');
      deepEqual(demands(await provider.settled()).toSorted(), [
        'unwanted want.t',
        'unwanted want.t',
        'wanted want.always',
        'wanted want.t',
        'wanted want.t',
      ]);
    },
  },
  {
    name: 'says with chimed.wanted which message of the topic is the last',
    rules: [48],
    topics: { 'position.t': provided },
    async run({ daemon }) {
      const provider = await daemon.provider('position.t');
      const peer = await daemon.connect();
      const { instance } = await peer.register(['position.t']);
      deepEqual(await provider.control('wanted'), { topic: 'position.t', instance, seq: 0 });
      provider.send('position.t', 1, { seq: 7, time: 1, instance: 'origin' });
      await peer.frame('position.t');
      await peer.unregister('position.t');
      deepEqual(await provider.control('unwanted'), { topic: 'position.t' });
      await peer.register(['position.t']);
      const [, second] = await provider.frames.take(2, ({ type }) => type === 'chimed.wanted');
      deepEqual(second!.data, { topic: 'position.t', instance: 'origin', seq: 7 });
    },
  },
  {
    name: 'says to a provider that reads slowly only what is wanted in the end',
    rules: [48],
    topics: { 'lazy.t': provided, 'lazy.load': published },
    settings: tight,
    async run({ daemon }) {
      const provider = await daemon.connect();
      await provider.register(['lazy.load'], { name: 'lazy provider' });
      await provider.provide('lazy.t');
      provider.freeze();
      const peer = await daemon.connect();
      const data = 'x'.repeat(10_000);
      const isFull = async (): Promise<boolean> => {
        const clients = (await peer.status({ topics: [] }))['clients'] as Data[];
        return Number(clients.find(({ name }) => name === 'lazy provider')!['skipped']) > 0;
      };
      while (!(await isFull())) await peer.publish('lazy.load', data);
      const changes = 25;
      for (let count = 0; count < changes; count++) {
        await peer.register(['lazy.t']);
        if (count < changes - 1) await peer.unregister('lazy.t');
      }
      provider.thaw();
      const told = demands(await provider.settled());
      equal(told.at(-1), 'wanted lazy.t');
      ok(told.length <= 2, `it was told ${told.length} times`);
    },
  },
];
