import { deepEqual, equal, ok } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';

import type { DaemonCase } from '../daemon-case.ts';
import type { Data, Frame } from '../raw-peer.ts';
import { has, hasSeqs, isCount } from './assertions.ts';
import { tight } from './settings.ts';

const published = { publish: true };
const PENDING_BYTES = 64 * 1024;
const MiB = 1024 * 1024;
/** Room for frames of 64 MiB. */
const wide = { clients: { memory: '1GiB', memoryPerUser: '1GiB', stallTimeout: '3m' } };

/** Payloads that must arrive as they were sent. */
const payloads: readonly unknown[] = [
  null,
  true,
  0,
  -1.5e-7,
  Number.MAX_SAFE_INTEGER,
  '',
  'é€👍\u0000\ud800',
  [],
  {},
  [[1, [2]], { a: { b: null } }],
  { type: 'chimed.stopping', data: 1, __proto__x: 1, constructor: 2, '': 3 },
];

/** How many numbers are missing in a row of them. */
function missedIn(messages: readonly Frame[]): number {
  const seqs = messages.map(({ seq }) => seq as number);
  return seqs.slice(1).reduce((sum, seq, index) => sum + seq - seqs[index]! - 1, 0);
}

export const sentMessages: readonly DaemonCase[] = [
  {
    name: 'sends a message with type, data, seq, time and offset, and nothing else',
    rules: [4, 13],
    topics: { 'fields.t': published },
    async run({ daemon }) {
      const peer = await daemon.subscriber('fields.t');
      const before = Date.now();
      await peer.publish('fields.t', { a: 1 });
      const after = Date.now();
      const { offset, time, ...rest } = await peer.frame('fields.t');
      deepEqual(rest, { type: 'fields.t', data: { a: 1 }, seq: 1 });
      isCount(offset, 'offset');
      isCount(time, 'time');
      ok(before <= time && time <= after, `${before} <= ${time} <= ${after}`);
    },
  },
  {
    name: 'sends payloads as they are',
    rules: [13],
    topics: { 'payload.t': published },
    async run({ daemon }) {
      const peer = await daemon.subscriber('payload.t');
      for (const data of payloads) await peer.publish('payload.t', data);
      const messages = await peer.messages('payload.t', payloads.length);
      deepEqual(
        messages.map(({ data }) => JSON.stringify(data)),
        payloads.map((data) => JSON.stringify(data)),
      );
    },
  },
  {
    name: 'numbers the messages of each topic from 1, without gaps',
    rules: [14],
    topics: { 'seq.a': published, 'seq.b': published },
    async run({ daemon }) {
      const peer = await daemon.subscriber('seq.*');
      for (const topic of ['seq.a', 'seq.a', 'seq.b', 'seq.a', 'seq.b']) await peer.publish(topic, 0);
      hasSeqs(await peer.messages('seq.a', 3), 1, 2, 3);
      hasSeqs(await peer.messages('seq.b', 2), 1, 2);
    },
  },
  {
    name: 'goes on with the numbering while nobody is registered',
    rules: [14],
    topics: { 'alone.t': published },
    async run({ daemon }) {
      const peer = await daemon.connect();
      deepEqual([await peer.publish('alone.t', 0), await peer.publish('alone.t', 0)], [1, 2]);
      await peer.register(['alone.t']);
      hasSeqs(await peer.messages('alone.t', 1), 2);
    },
  },
  {
    name: 'leaves gaps in the numbers that a slow client receives, as many as it counts, and ends with the newest message',
    rules: [14],
    table: 'Limits',
    topics: { 'slow.a': published, 'slow.b': published, 'slow.end': published },
    settings: tight,
    async run({ daemon }) {
      const slow = await daemon.connect();
      await slow.register(['slow.*'], { name: 'slow client' });
      slow.freeze();
      const publisher = await daemon.connect();
      const data = 'x'.repeat(4000);
      for (let count = 0; count < 400; count++)
        await publisher.publish(`slow.${count % 2 ? 'a' : 'b'}`, data);
      const { clients } = (await publisher.status({ topics: [] })) as { clients: Data[] };
      const { pendingBytes, skipped } = clients.find(({ name }) => name === 'slow client')!;
      ok(Number(skipped) > 0, 'nothing was skipped');
      ok(Number(pendingBytes) < 2 * PENDING_BYTES, `${String(pendingBytes)} bytes wait`);
      slow.thaw();
      for (const topic of ['slow.a', 'slow.b'])
        await slow.frames.find(({ type, seq }) => type === topic && seq === 200);
      const heard = ['slow.a', 'slow.b'].map((topic) =>
        slow.frames.items.filter(({ type }) => type === topic),
      );
      const after = (await slow.status({ topics: [] }))['clients'] as Data[];
      const missed = heard.reduce((sum, messages) => sum + missedIn(messages), 0);
      equal(missed, after.find(({ name }) => name === 'slow client')!['skipped']);
      for (const messages of heard) equal(messages[0]!['seq'], 1);
    },
  },
  {
    name: 'sends a payload of 64 MiB',
    rules: [7],
    table: 'Limits',
    settings: wide,
    isHeavy: true,
    seconds: 200,
    topics: { huge: { interval: '1h', file: 'huge.txt', maxBytes: '64MiB', timeout: '3m' } },
    async run({ daemon }) {
      writeFileSync(daemon.process.folder.file('huge.txt'), 'x'.repeat(64 * MiB - 2));
      const peer = await daemon.subscriber('huge');
      const { data } = await peer.frame('huge');
      equal((data as string).length, 64 * MiB - 2);
    },
  },
  {
    name: 'numbers the messages of all topics together by offset',
    rules: [15],
    async run(stage) {
      const daemon = await stage.start({ topics: { a: published, b: published, unheard: published } });
      const peer = await daemon.subscriber('a', 'b');
      equal((await peer.register([])).offset, 0);
      for (const topic of ['a', 'b', 'unheard', 'a', 'b', 'a']) await peer.publish(topic, 0);
      const heard = (await peer.settled()).filter(({ seq }) => seq !== undefined);
      deepEqual(
        heard.map(({ offset }) => offset),
        [1, 2, 4, 5, 6],
      );
      equal((await peer.register([])).offset, 6);
    },
  },
  {
    name: 'keeps the numbering, its id and the last message across a restart, and sends this one without an offset',
    rules: [14, 15, 16],
    async run(stage) {
      const daemon = await stage.start({ topics: { t: published }, state: { file: 'state.json' } });
      const before = await daemon.connect();
      const { instance } = await before.register([]);
      for (const data of [1, 2]) await before.publish('t', data);
      await daemon.process.stop();
      await daemon.process.restart();
      const peer = await daemon.connect();
      const registered = await peer.register(['t']);
      equal(registered.instance, instance);
      deepEqual(registered.topics, [{ topic: 't', interval: null, instance, seq: 2 }]);
      await peer.publish('t', 3);
      const [kept, next] = await peer.messages('t', 2);
      has(kept, { data: 2, seq: 2 });
      ok(!('offset' in kept!), 'the message that was kept has an offset');
      has(next, { data: 3, seq: 3 });
      isCount(next!['offset'], 'offset');
    },
  },
  {
    name: 'begins a numbering with another id after it could save nothing',
    rules: [14, 16],
    async run(stage) {
      const daemon = await stage.start({ topics: { t: published }, state: { file: 'state.json' } });
      const before = await daemon.connect();
      const { instance } = await before.register([]);
      await before.publish('t', 1);
      await daemon.process.crash();
      await daemon.process.restart();
      const peer = await daemon.connect();
      const registered = await peer.register(['t']);
      ok(registered.instance !== instance, 'the id is the same');
      await peer.publish('t', 1);
      has(await peer.frame('t'), { seq: 1 });
    },
  },
  {
    name: 'names the numbering of a message only if it is not that of the daemon',
    rules: [16],
    topics: { 'id.own': published, 'id.feed': { provide: true } },
    async run({ daemon }) {
      const peer = await daemon.provider('id.feed');
      const numbers = { seq: 7, time: 1000, instance: 'elsewhere' };
      peer.send('id.feed', 1, numbers);
      await peer.publish('id.own', 1);
      const { instance, topics } = await peer.register(['id.*']);
      const listed = new Map(topics.map((topic) => [topic.topic, topic]));
      has(listed.get('id.own'), { instance, seq: 1 });
      has(listed.get('id.feed'), { instance: 'elsewhere', seq: 7 });
      ok(!('instance' in (await peer.frame('id.own'))));
      has(await peer.frame('id.feed'), { data: 1, ...numbers });
    },
  },
  {
    name: 'marks the last message as stale for a client that registers while the source fails, and for no other',
    rules: [19],
    topics: { 'stale.t': { provide: true } },
    async run({ daemon }) {
      const provider = await daemon.provider('stale.t');
      const early = await daemon.subscriber('stale.t');
      provider.send('stale.t', 1).send('chimed.fail', { topic: 'stale.t', error: 'away' });
      await early.control('failing');
      ok(!('stale' in (await early.frame('stale.t'))));
      const late = await daemon.subscriber('stale.t');
      has(await late.frame('stale.t'), { data: 1, seq: 1, stale: true });
      has(await late.demand('get', { topic: 'stale.t' }, 'got'), { seq: 1, stale: true });
      provider.send('chimed.fail', { topic: 'stale.t', error: null });
      await late.control('recovered');
      const again = await daemon.subscriber('stale.t');
      ok(!('stale' in (await again.frame('stale.t'))));
      ok(!('stale' in (await again.demand('get', { topic: 'stale.t' }, 'got'))));
      provider.send('stale.t', 2);
      for (const peer of [early, late, again])
        ok(!('stale' in (await peer.frames.find(({ type, seq }) => type === 'stale.t' && seq === 2))));
    },
  },
];
