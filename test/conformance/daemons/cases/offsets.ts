import { deepEqual, equal, ok } from 'node:assert/strict';

import type { DaemonCase } from '../daemon-case.ts';
import { encode } from '../raw-peer.ts';
import { has, hasSeqs, namesOf } from './assertions.ts';
import { kept, publishAll, resume, upTo } from './resume.ts';

/** Messages that the daemon can look back over (rule 23). */
const REMEMBERED = 65_536;
const unhurried = { clients: { requestsPerSecond: 1_000_000, bytesPerSecond: '1GiB' } };

export const offsets: readonly DaemonCase[] = [
  {
    name: 'resumes many topics by one offset, and lists the number that each had then',
    rules: [22],
    topics: { 'offset.a': kept(2), 'offset.b': kept(10), 'offset.c': kept(0) },
    async run({ daemon }) {
      const publisher = await daemon.connect();
      await publishAll(publisher, 'offset.a', 'offset.b', 'offset.c');
      const { instance, offset } = await publisher.register([]);
      await publishAll(publisher, 'offset.a', 'offset.b', 'offset.a', 'offset.a', 'offset.b');
      const [peer, registered] = await resume(daemon, ['offset.*'], { instance, offset });
      ok(!('uncounted' in registered));
      deepEqual(registered.topics.map(({ topic, seq, after }) => [topic, seq, after]).toSorted(), [
        ['offset.a', 4, 1],
        ['offset.b', 3, 1],
        ['offset.c', 1, 1],
      ]);
      await publisher.publish('offset.c', 'new');
      const heard = await upTo(peer, 'new');
      deepEqual(heard.map(({ type, seq }) => `${type} ${String(seq)}`).toSorted(), [
        'offset.a 3',
        'offset.a 4',
        'offset.b 2',
        'offset.b 3',
        'offset.c 2',
      ]);
    },
  },
  {
    name: 'lists the number that a topic had at an offset where its numbers have gaps',
    rules: [22, 52],
    topics: { 'gaps.t': { provide: true, history: 1 } },
    async run({ daemon }) {
      const provider = await daemon.provider('gaps.t');
      const send = (seq: number) => provider.send('gaps.t', seq, { seq, time: seq, instance: 'origin' });
      send(20);
      await provider.settled();
      const { instance, offset } = await provider.register([]);
      for (const seq of [30, 40, 60]) send(seq);
      await provider.settled();
      const [peer, { topics }] = await resume(daemon, ['gaps.t'], { instance, offset });
      has(topics[0], { topic: 'gaps.t', instance: 'origin', seq: 60, after: 20 });
      hasSeqs(await upTo(peer, 60), 60);
    },
  },
  {
    name: 'says that there are topics of which it lists no number, if they are more than 1,000',
    rules: [22, 39],
    topics: Object.fromEntries(
      Array.from({ length: 1001 }, (_, index) => [`listed.n${index}`, { publish: true }]),
    ),
    async run({ daemon }) {
      const publisher = await daemon.connect();
      const { instance, offset } = await publisher.register([]);
      const [, { topics, more }] = await resume(daemon, ['listed.*'], { instance, offset });
      deepEqual([topics.length, more], [1000, true]);
    },
  },
  {
    name: 'lists no number for a topic that has begun another numbering since the offset',
    rules: [22],
    topics: { 'renumbered.t': { provide: true, history: 5 } },
    async run({ daemon }) {
      const provider = await daemon.provider('renumbered.t');
      provider.send('renumbered.t', 1, { seq: 1, time: 1, instance: 'former' });
      await provider.settled();
      const { instance, offset } = await provider.register([]);
      provider.send('renumbered.t', 2, { seq: 7, time: 2, instance: 'latter' });
      await provider.settled();
      const [peer, { topics }] = await resume(daemon, ['renumbered.t'], { instance, offset });
      deepEqual(topics, [{ topic: 'renumbered.t', interval: null, instance: 'latter', seq: 7 }]);
      hasSeqs(await upTo(peer, 2), 7);
    },
  },
  {
    name: 'lists no number for a topic that was added since the offset',
    rules: [22],
    topics: { 'added.*': { provide: true, history: 5 }, 'added.before': kept(5) },
    async run({ daemon }) {
      const peer = await daemon.connect();
      await peer.publish('added.before', 'away');
      const { instance, offset } = await peer.register([]);
      await peer.publish('added.before', 'away');
      await peer.provide('added.since');
      await peer.send('added.since', 'away').settled();
      const [, { topics }] = await resume(daemon, ['added.*'], { instance, offset });
      const after = new Map(topics.map((topic) => [topic.topic, topic.after]));
      deepEqual([after.get('added.before'), after.get('added.since')], [1, undefined]);
    },
  },
  {
    name: `looks back over the last 65,536 messages of all topics, and says uncounted beyond them`,
    rules: [23],
    settings: unhurried,
    topics: { 'far.t': kept(3), 'far.other': kept(0) },
    async run({ daemon }) {
      const publisher = await daemon.connect();
      await publisher.publish('far.t', 'away');
      const { instance, offset } = await publisher.register([]);
      const frame = encode('chimed.publish', { topic: 'far.other', data: 1 });
      await publisher.write(frame.repeat(REMEMBERED - 1));
      await publisher.publish('far.t', 'away');
      const [, near] = await resume(daemon, ['far.*'], { instance, offset });
      equal(near.offset - offset, REMEMBERED, 'no other case publishes here');
      ok(!('uncounted' in near));
      has(
        near.topics.find(({ topic }) => topic === 'far.t'),
        { seq: 2, after: 1 },
      );
      has(
        near.topics.find(({ topic }) => topic === 'far.other'),
        { seq: REMEMBERED - 1, after: 0 },
      );

      await publisher.publish('far.t', 'last');
      const [peer, far] = await resume(daemon, ['far.*'], { instance, offset });
      equal(far['uncounted'], true);
      ok(far.topics.every((topic) => !('after' in topic)));
      hasSeqs(
        (await upTo(peer, 'last')).filter(({ type }) => type === 'far.t'),
        3,
      );
    },
  },
  {
    name: 'says uncounted after an offset of another numbering, and begins with the last message',
    rules: [22, 23],
    topics: { 'foreign.t': kept(10) },
    async run({ daemon }) {
      const publisher = await daemon.connect();
      await publishAll(publisher, 'foreign.t', 'foreign.t');
      const [peer, registered] = await resume(daemon, ['foreign.t'], {
        instance: 'of-another-daemon',
        offset: 0,
      });
      equal(registered['uncounted'], true);
      await publisher.publish('foreign.t', 'new');
      hasSeqs(await upTo(peer, 'new'), 2, 3);
    },
  },
  {
    name: 'does not look back beyond its start by an offset, but resumes by the number of a topic',
    rules: [21, 23],
    async run(stage) {
      const daemon = await stage.start({ topics: { t: kept(10) }, state: { file: 'state.json' } });
      const before = await daemon.connect();
      await publishAll(before, 't', 't', 't');
      const { instance, offset } = await before.register([]);
      await daemon.process.stop();
      await daemon.process.restart();
      const [, registered] = await resume(daemon, ['t'], { instance, offset: offset - 1 });
      equal(registered['uncounted'], true);
      const [peer, { topics }] = await resume(daemon, ['t'], { instance, after: { t: 1 } });
      deepEqual(namesOf({ topics }), ['t']);
      await (await daemon.connect()).publish('t', 'new');
      hasSeqs(await upTo(peer, 'new'), 2, 3, 4);
    },
  },
  {
    name: 'goes by the number of a topic rather than by the offset',
    rules: [24],
    topics: { 'both.a': kept(10), 'both.b': kept(10) },
    async run({ daemon }) {
      const publisher = await daemon.connect();
      await publishAll(publisher, 'both.a', 'both.a', 'both.b', 'both.b');
      const { instance, offset } = await publisher.register([]);
      await publishAll(publisher, 'both.a', 'both.b');
      const [peer] = await resume(daemon, ['both.*'], { instance, offset, after: { 'both.a': 1 } });
      await publisher.publish('both.b', 'new');
      const heard = await upTo(peer, 'new');
      hasSeqs(
        heard.filter(({ type }) => type === 'both.a'),
        2,
        3,
      );
      hasSeqs(
        heard.filter(({ type }) => type === 'both.b'),
        3,
        4,
      );
    },
  },
];
