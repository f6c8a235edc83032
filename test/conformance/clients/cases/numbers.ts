import { deepStrictEqual, equal } from 'node:assert/strict';

import type { Case } from '../case.ts';
import { expectData, expectNumbers } from '../expect.ts';
import { FIRST_TIME } from '../peer.ts';

/** As JSON. */
const IMPOSSIBLE_NUMBERS = [
  '0',
  '-5',
  '1.5',
  '9007199254740992',
  '1152921504606846976',
  '1e300',
  '"7"',
  'null',
  'true',
  '[2]',
];

export const numbers: readonly Case[] = [
  {
    name: 'reports the topic, number, time, offset and numbering of a message',
    rules: [13, 16],
    async run(stage) {
      const peer = await stage.subscribed('t.>');
      await peer.message('t.a', 3, { offset: 17 });
      await peer.message('t.b', 4, { instance: 'other' });
      const [first, second] = await stage.client.messages(2);
      const { topic, seq, time, offset, instance, missed } = first!;
      deepStrictEqual(
        { topic, seq, time, offset, instance, missed },
        {
          topic: 't.a',
          seq: 3,
          time: FIRST_TIME + 3000,
          offset: 17,
          instance: 'one',
          missed: 0,
        },
      );
      deepStrictEqual(
        [second!.topic, second!['instance'], second!['offset'] ?? null],
        ['t.b', 'other', null],
      );
    },
  },
  {
    name: 'has missed nothing before the first message of a topic',
    rules: [66],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await peer.message('t', 1000);
      expectNumbers(await stage.client.messages(1), [[1000, 0]]);
    },
  },
  {
    name: 'counts what is missing between two messages',
    rules: [14, 66],
    async run(stage) {
      const peer = await stage.subscribed('t');
      for (const seq of [5, 9, 10, 100]) await peer.message('t', seq);
      expectNumbers(await stage.client.messages(4), [
        [5, 0],
        [9, 3],
        [10, 0],
        [100, 89],
      ]);
    },
  },
  {
    name: 'counts for each topic by itself',
    rules: [14, 66],
    async run(stage) {
      const peer = await stage.subscribed('t.>');
      for (const [topic, seq] of [
        ['t.a', 1],
        ['t.b', 50],
        ['t.a', 3],
        ['t.b', 52],
        ['t.a', 4],
      ] as const)
        await peer.message(topic, seq);
      expectNumbers(await stage.client.messages(5), [
        [1, 0],
        [50, 0],
        [3, 1],
        [52, 1],
        [4, 0],
      ]);
    },
  },
  {
    name: 'drops a message that it has received already',
    rules: [18],
    async run(stage) {
      const peer = await stage.subscribed('t');
      for (const seq of [1, 2, 2, 1, 2, 3]) await peer.message('t', seq);
      await peer.message('t', 4);
      const messages = await stage.client.messages(4);
      expectData(messages, [1, 2, 3, 4]);
      expectNumbers(messages, [
        [1, 0],
        [2, 0],
        [3, 0],
        [4, 0],
      ]);
    },
  },
  {
    name: 'does not mix the numbers of two topics that have a common name in JavaScript, Python or C',
    rules: [14, 18],
    async run(stage) {
      const peer = await stage.subscribed('>');
      const topics = ['0', 'null', 'true', 'toString_', 'has-own', 'a.b', 'a_b', 'a-b', 'A.b', '__class__'];
      for (const topic of topics) await peer.message(topic, 1);
      for (const topic of topics) await peer.message(topic, 3);
      const messages = await stage.client.messages(2 * topics.length);
      expectNumbers(messages, [...topics.map(() => [1, 0]), ...topics.map(() => [3, 1])] as [
        number,
        number,
      ][]);
    },
  },
  {
    name: 'marks a stale message',
    rules: [19],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await peer.message('t', 1, { stale: true });
      await peer.message('t', 2);
      const [first, second] = await stage.client.messages(2);
      deepStrictEqual([first!['stale'], second!['stale'] ?? false], [true, false]);
    },
  },
  {
    name: 'cannot count across two numberings of a topic, says so, and counts in the new one',
    rules: [16, 17, 66],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await peer.message('t', 5, { instance: 'north' });
      await peer.message('t', 2, { instance: 'south' });
      await peer.message('t', 4, { instance: 'south' });
      expectNumbers(await stage.client.messages(3), [
        [5, 0],
        [2, 0],
        [4, 1],
      ]);
      await stage.client.event('uncounted', { topic: 't' });
      equal(stage.client.count('uncounted'), 1);
    },
  },
  {
    name: 'accepts low numbers again in a new numbering, and drops high ones of it only',
    rules: [17, 18],
    async run(stage) {
      const peer = await stage.subscribed('t');
      for (const seq of [7, 8]) await peer.message('t', seq, { instance: 'north', data: `north ${seq}` });
      for (const seq of [1, 1, 2]) await peer.message('t', seq, { instance: 'south', data: `south ${seq}` });
      await peer.message('t', 8, { data: 'own 8' });
      expectData(await stage.client.messages(5), ['north 7', 'north 8', 'south 1', 'south 2', 'own 8']);
    },
  },
  {
    name: 'ignores messages whose number cannot be one',
    rules: [74],
    async run(stage) {
      const peer = await stage.subscribed('t');
      for (const seq of IMPOSSIBLE_NUMBERS)
        await peer.write(`{"type":"t","data":"no","time":1,"seq":${seq}}\f`);
      await peer.write('{"type":"t","data":"no","time":1}\f');
      await peer.message('t', 1);
      for (const seq of IMPOSSIBLE_NUMBERS)
        await peer.write(`{"type":"t","data":"no","time":1,"seq":${seq}}\f`);
      await peer.message('t', 3);
      expectNumbers(await stage.client.messages(2), [
        [1, 0],
        [3, 1],
      ]);
      peer.cut();
      const { resume } = await (await stage.daemon.peer(2)).request('register');
      deepStrictEqual((resume as { after: unknown }).after, { t: 3 });
    },
  },
];
