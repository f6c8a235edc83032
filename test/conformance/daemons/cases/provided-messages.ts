import { deepEqual, equal, ok } from 'node:assert/strict';

import type { DaemonCase } from '../daemon-case.ts';
import type { Data } from '../raw-peer.ts';
import { has, hasSeqs, refuses, saysNothingOf } from './assertions.ts';

const provided = { provide: true };
const HIGHEST_SEQ = 2 ** 52;

const at = (instance: string, seq: number): Data => ({ seq, time: 1000 + seq, instance });

/** Numbers that no message can have. */
const wrong: readonly Data[] = [
  { seq: 1, time: 1 },
  { seq: 1, instance: 'a' },
  { time: 1, instance: 'a' },
  { seq: 1 },
  { ...at('a', 1), seq: 0 },
  { ...at('a', 1), seq: 1.5 },
  { ...at('a', 1), seq: HIGHEST_SEQ + 1 },
  { ...at('a', 1), seq: '1' },
  { ...at('a', 1), time: 'now' },
  { ...at('a', 1), instance: '' },
  { ...at('a', 1), instance: 'a"b' },
  { ...at('a', 1), instance: 'a.b' },
  { ...at('a', 1), instance: 'a'.repeat(101) },
];

export const providedMessages: readonly DaemonCase[] = [
  {
    name: 'takes the messages of a provider whether the topic is wanted or not, without an answer',
    rules: [49],
    topics: { 'unwanted.t': provided },
    async run({ daemon }) {
      const provider = await daemon.provider('unwanted.t');
      const from = provider.frames.items.length;
      provider.send('unwanted.t', 1).send('unwanted.t', null);
      saysNothingOf('unwanted.t', await provider.settled(from));
      const peer = await daemon.subscriber('unwanted.t');
      has(await peer.frame('unwanted.t'), { data: null, seq: 2 });
    },
  },
  {
    name: 'numbers the messages that have no numbers',
    rules: [14, 50],
    topics: { 'plain.t': provided },
    async run({ daemon }) {
      const provider = await daemon.provider('plain.t');
      const peer = await daemon.subscriber('plain.t');
      for (const data of [1, 2, 3]) provider.send('plain.t', data);
      const messages = await peer.messages('plain.t', 3);
      hasSeqs(messages, 1, 2, 3);
      for (const message of messages) ok(!('instance' in message));
    },
  },
  {
    name: 'passes on the numbers of a message, up to 2^52, with their gaps',
    rules: [50, 52],
    topics: { 'numbers.t': provided },
    async run({ daemon }) {
      const provider = await daemon.provider('numbers.t');
      const peer = await daemon.subscriber('numbers.t');
      const instance = `A-z_0${'x'.repeat(95)}`;
      const all = [1, 2, 9, HIGHEST_SEQ].map((seq) => at(instance, seq));
      for (const numbers of all) provider.send('numbers.t', 0, numbers);
      const messages = await peer.messages('numbers.t', all.length);
      deepEqual(
        messages.map(({ seq, time, instance: id }) => ({ seq, time, instance: id })),
        all,
      );
      for (const { offset } of messages) equal(typeof offset, 'number');
    },
  },
  {
    name: 'refuses a message that has only some of the numbers, or wrong ones',
    rules: [50, 53],
    topics: { 'wrong.t': provided },
    async run({ daemon }) {
      const provider = await daemon.provider('wrong.t');
      for (const numbers of wrong) {
        const from = provider.frames.items.length;
        provider.send('wrong.t', 1, numbers);
        refuses(await provider.control('rejected', from), 'bad-request', {
          request: 'wrong.t',
          topic: 'wrong.t',
        });
      }
      const got = await provider.demand('get', { topic: 'wrong.t' }, 'got');
      ok(!('seq' in got), 'a message was taken');
    },
  },
  {
    name: 'refuses a number that is not higher than the last one of the same instance',
    rules: [51, 53],
    topics: { 'higher.t': provided },
    async run({ daemon }) {
      const provider = await daemon.provider('higher.t');
      const peer = await daemon.subscriber('higher.t');
      provider.send('higher.t', 'first', at('a', 5));
      for (const seq of [5, 4]) {
        const from = provider.frames.items.length;
        provider.send('higher.t', 'late', at('a', seq));
        refuses(await provider.control('rejected', from), 'bad-request', {
          request: 'higher.t',
          topic: 'higher.t',
        });
      }
      provider.send('higher.t', 'last', at('a', 6));
      hasSeqs(await peer.messages('higher.t', 2), 5, 6);
    },
  },
  {
    name: 'begins another numbering with another instance, and drops what it kept of the former one',
    rules: [51],
    topics: { 'another.t': { provide: true, history: 10 } },
    async run({ daemon }) {
      const provider = await daemon.provider('another.t');
      const peer = await daemon.connect();
      const { instance } = await peer.register(['another.t']);
      for (const seq of [1, 2, 3]) provider.send('another.t', seq, at('former', seq));
      provider.send('another.t', 'latter', at('latter', 1));
      const messages = await peer.messages('another.t', 4);
      deepEqual(
        messages.map(({ instance: id }) => id),
        ['former', 'former', 'former', 'latter'],
      );
      for (const id of ['former', 'latter']) {
        const back = await daemon.connect();
        await back.register(['another.t'], {
          resume: { instance, after: { 'another.t': 0 }, instances: { 'another.t': id } },
        });
        hasSeqs(
          (await back.settled()).filter(({ type }) => type === 'another.t'),
          1,
        );
        has(await back.frame('another.t'), { data: 'latter' });
      }
    },
  },
  {
    name: 'begins another numbering with a message that has no numbers after messages that have',
    rules: [51],
    topics: { 'back.t': provided },
    async run({ daemon }) {
      const provider = await daemon.provider('back.t');
      const peer = await daemon.connect();
      const { instance } = await peer.register(['back.t']);
      provider.send('back.t', 1).send('back.t', 2, at('origin', 8)).send('back.t', 3).send('back.t', 4);
      const messages = await peer.messages('back.t', 4);
      hasSeqs(messages, 1, 8, 1, 2);
      const [first, , third, fourth] = messages.map((message) => message['instance'] ?? instance);
      ok(third !== first && third !== 'origin', 'the numbering is another one');
      equal(fourth, third);
    },
  },
  {
    name: 'refuses a message that is too large, and has the topic fail for the same reason until the next message',
    rules: [53],
    topics: { 'large.t': { provide: true, maxBytes: '10B' } },
    async run({ daemon }) {
      const provider = await daemon.provider('large.t');
      const peer = await daemon.subscriber('large.t');
      provider.send('large.t', 'x'.repeat(8)).send('large.t', 'x'.repeat(9));
      const rejection = await provider.control('rejected');
      refuses(rejection, 'too-large', { request: 'large.t', topic: 'large.t' });
      has(await peer.control('failing'), { topic: 'large.t', error: rejection['message'] });
      provider.send('large.t', 1);
      await peer.control('recovered');
      hasSeqs(await peer.messages('large.t', 2), 1, 2);
    },
  },
  {
    name: 'refuses a message without a payload',
    rules: [49, 53],
    topics: { 'nothing.t': provided },
    async run({ daemon }) {
      const provider = await daemon.provider('nothing.t');
      provider.send('nothing.t');
      refuses(await provider.control('rejected'), 'bad-request', {
        request: 'nothing.t',
        topic: 'nothing.t',
      });
    },
  },
  {
    name: 'refuses the messages of topics that a provider does not provide, and registers it for none',
    rules: [55],
    topics: { 'stranger.t': provided, 'stranger.open': { publish: true } },
    async run({ daemon }) {
      const peer = await daemon.connect();
      peer.send('chimed.provide', { topics: [] });
      for (const topic of ['stranger.t', 'stranger.open', 'stranger.none']) {
        const from = peer.frames.items.length;
        peer.send(topic, 1);
        refuses(await peer.control('rejected', from), 'not-provided', { request: topic, topic });
      }
      deepEqual((await peer.register([])).topics, []);
    },
  },
  {
    name: 'refuses the messages of a topic that a provider has given up',
    rules: [55, 56],
    topics: { 'former.t': provided },
    async run({ daemon }) {
      const peer = await daemon.provider('former.t');
      await peer.demand('unprovide', { topics: ['former.t'] }, 'provided');
      peer.send('former.t', 1);
      refuses(await peer.control('rejected'), 'not-provided', { request: 'former.t', topic: 'former.t' });
    },
  },
];
