import { deepEqual, equal, ok } from 'node:assert/strict';

import type { DaemonCase } from '../daemon-case.ts';
import type { Data, RawPeer } from '../raw-peer.ts';
import { has, isText, refuses, saysNothingOf } from './assertions.ts';

const published = { publish: true };
const hundred = 'x'.repeat(100);
const ids: readonly (string | number)[] = [0, 7, -1.5, 2 ** 53, '', 'a b', '7', hundred];

/** Makes a request of its own id, and waits for the answer of a type. */
async function answered(peer: RawPeer, type: string, data: Data, answer: string, id: unknown): Promise<void> {
  const from = peer.frames.items.length;
  peer.send(`chimed.${type}`, { ...data, id });
  has(await peer.control(answer, from), { id });
}

export const requests: readonly DaemonCase[] = [
  {
    name: 'repeats the id of each request in its answer',
    rules: [25],
    topics: { 'ids.t': published, 'ids.feed': { provide: true }, 'ids.tick': { interval: '1h', data: 1 } },
    async run({ daemon }) {
      const peer = await daemon.connect();
      for (const id of ids) await answered(peer, 'publish', { topic: 'ids.t', data: 1 }, 'published', id);
      await answered(peer, 'get', { topic: 'ids.t' }, 'got', hundred);
      await answered(peer, 'clear', { topic: 'ids.t' }, 'cleared', 1);
      await answered(peer, 'sample', { topic: 'ids.tick' }, 'sampled', 2);
      await answered(peer, 'status', { topics: [] }, 'status', 3);
      await answered(peer, 'provide', { topics: ['ids.feed'] }, 'provided', 4);
      await answered(peer, 'unprovide', { topics: ['ids.feed'] }, 'provided', 5);
    },
  },
  {
    name: 'repeats the id of each request in its rejection',
    rules: [25, 26],
    topics: { 'refused.t': published },
    async run({ daemon }) {
      const peer = await daemon.connect();
      const nowhere = { topic: 'refused.none' };
      for (const [type, data, code] of [
        ['publish', { ...nowhere, data: 1 }, 'unknown-topic'],
        ['publish', { topic: 'refused.t' }, 'bad-request'],
        ['clear', nowhere, 'unknown-topic'],
        ['get', nowhere, 'unknown-topic'],
        ['sample', nowhere, 'unknown-topic'],
        ['status', { topics: [''] }, 'bad-request'],
        ['provide', { topics: ['*'] }, 'bad-request'],
        ['unprovide', {}, 'bad-request'],
      ] as const)
        refuses(await peer.refused(type, data), code, { request: `chimed.${type}` });
    },
  },
  {
    name: 'refuses an id that is neither a number nor a text of at most 100 characters',
    rules: [25],
    table: 'Limits',
    topics: { 'badid.t': published },
    async run({ daemon }) {
      const peer = await daemon.connect();
      for (const id of [`${hundred}x`, null, true, [], {}]) {
        const from = peer.frames.items.length;
        peer.send('chimed.publish', { topic: 'badid.t', data: 1, id });
        const rejection = await peer.control('rejected', from);
        refuses(rejection, 'bad-request', { request: 'chimed.publish' });
        ok(!('id' in rejection));
      }
      equal(await peer.publish('badid.t', 1), 1);
    },
  },
  {
    name: 'answers a publication only if it has an id',
    rules: [25],
    table: 'Control frames',
    topics: { 'silent.t': published },
    async run({ daemon }) {
      const peer = await daemon.connect();
      saysNothingOf('silent.t', await peer.send('chimed.publish', { topic: 'silent.t', data: 1 }).settled());
      deepEqual(await peer.demand('publish', { topic: 'silent.t', data: 2 }, 'published'), {
        topic: 'silent.t',
        seq: 2,
      });
    },
  },
  {
    name: 'rejects one request by its type, with a code and a message, and carries out the others',
    rules: [26],
    topics: { 'one.t': published, 'one.tick': { interval: '1h', data: 1 } },
    async run({ daemon }) {
      const peer = await daemon.subscriber('one.t');
      const refused = await peer.refused('publish', { topic: 'one.tick', data: 1 });
      refuses(refused, 'not-publishable', { request: 'chimed.publish' });
      await peer.publish('one.t', 1);
      await peer.messages('one.t', 1);
    },
  },
  {
    name: 'says why it stops before it closes the connections, after what was queued',
    rules: [27],
    async run(stage) {
      const daemon = await stage.start({ topics: { t: published } });
      const peers = [await daemon.subscriber('t'), await daemon.connect()];
      const [subscriber] = peers;
      for (let count = 0; count < 100; count++)
        subscriber!.send('chimed.publish', { topic: 't', data: count });
      await subscriber!.settled();
      await Promise.all([daemon.process.stop(), ...peers.map(({ closed }) => closed)]);
      for (const { frames } of peers) {
        const last = frames.items.at(-1)!;
        equal(last.type, 'chimed.stopping');
        isText((last.data as Data)['reason'], 'reason');
      }
      equal(subscriber!.frames.items.filter(({ type }) => type === 't').length, 100);
    },
  },
];
