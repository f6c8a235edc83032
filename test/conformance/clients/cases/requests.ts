import { deepStrictEqual, equal, ok } from 'node:assert/strict';

import type { Case } from '../case.ts';
import { expectNumbers } from '../expect.ts';
import { nested } from '../payloads.ts';

export const requests: readonly Case[] = [
  {
    name: 'publishes, and reports the number of the message',
    rules: [25, 35],
    needs: 'publish',
    async run(stage) {
      const peer = await stage.subscribed('t');
      const data = { text: 'é€😀 \f', list: [1, null, -0.5] };
      stage.client.tell({ do: 'publish', id: 1, topic: 'price', data });
      const { id, ...sent } = await peer.request('publish');
      deepStrictEqual(sent, { topic: 'price', data });
      await peer.control('published', { id, topic: 'price', seq: 7 });
      equal((await stage.client.event('published', { id: 1 }))['seq'], 7);
    },
  },
  {
    name: 'matches answers that arrive in another order by their ids',
    rules: [25, 35],
    needs: 'publish',
    async run(stage) {
      const peer = await stage.subscribed('t');
      for (const id of [1, 2, 3]) stage.client.tell({ do: 'publish', id, topic: `p${id}`, data: id });
      const frames = await peer.frames.take(3, ({ type }) => type === 'chimed.publish');
      const asked = frames.map(({ data }) => data as { id: unknown; topic: string });
      equal(new Set(asked.map(({ id }) => id)).size, 3);
      for (const [index, { id, topic }] of asked.toReversed().entries()) {
        await peer.message('t', 2 * index + 1);
        await peer.control('published', { id, topic, seq: 10 * Number(topic.slice(1)) });
      }
      for (const id of [1, 2, 3]) equal((await stage.client.event('published', { id }))['seq'], 10 * id);
      expectNumbers(await stage.client.messages(3), [
        [1, 0],
        [3, 1],
        [5, 1],
      ]);
    },
  },
  {
    name: 'reports why the daemon refuses a request, and keeps the connection',
    rules: [26],
    needs: 'publish',
    async run(stage) {
      const peer = await stage.subscribed('t');
      stage.client.tell({ do: 'publish', id: 1, topic: 'nope', data: 1 });
      const { id } = await peer.request('publish');
      await peer.reject('publish', {
        code: 'unknown-topic',
        message: 'there is no topic nope',
        topic: 'nope',
        id,
      });
      await stage.client.event('failed', { id: 1, code: 'unknown-topic' });
      await peer.message('t', 1);
      await stage.client.messages(1);
      equal(stage.daemon.peers.items.length, 1);
    },
  },
  {
    name: 'takes too-fast for a warning',
    rules: [36],
    needs: 'publish',
    async run(stage) {
      const peer = await stage.subscribed('t');
      stage.client.tell({ do: 'publish', id: 1, topic: 'price', data: 1 });
      const { id } = await peer.request('publish');
      const warning = { code: 'too-fast', message: 'slow down', request: 'chimed.publish' };
      await peer.control('rejected', warning);
      await peer.control('rejected', { ...warning, id });
      await peer.control('published', { id, topic: 'price', seq: 1 });
      await stage.client.event('published', { id: 1 });
      equal(stage.client.count('failed'), 0);
    },
  },
  {
    name: 'fails a request whose connection ends, and does not send it again',
    rules: [68],
    needs: 'publish',
    async run(stage) {
      const peer = await stage.subscribed('t');
      stage.client.tell({ do: 'publish', id: 1, topic: 'price', data: 1 });
      await peer.frame('chimed.publish');
      peer.cut();
      await stage.client.event('failed', { id: 1, code: 'connection-lost' });
      const next = await stage.registered(2, 't');
      stage.client.tell({ do: 'publish', id: 2, topic: 'price', data: 2 });
      const { id, data } = await next.request('publish');
      equal(data, 2);
      await next.control('published', { id, topic: 'price', seq: 2 });
      await stage.client.event('published', { id: 2 });
    },
  },
  {
    name: 'fails a request that is not answered within 5 s, and keeps the connection',
    rules: [68],
    needs: 'publish',
    async run(stage) {
      const peer = await stage.subscribed('t');
      const asked = performance.now();
      stage.client.tell({ do: 'publish', id: 1, topic: 'price', data: 1 });
      const { id } = await peer.request('publish');
      await stage.client.event('failed', { id: 1, code: 'timeout' });
      ok(performance.now() - asked > 4000, 'it did not wait for 5 s');
      await peer.control('published', { id, topic: 'price', seq: 1 });
      await peer.message('t', 1);
      await stage.client.messages(1);
      equal(stage.daemon.peers.items.length, 1);
      equal(stage.client.count('published'), 0);
    },
  },
  {
    name: 'publishes once there is a daemon',
    rules: [65, 68],
    needs: 'publish',
    async run(stage) {
      stage.connect();
      stage.client.tell({ do: 'publish', id: 1, topic: 'price', data: 1 });
      await stage.client.event('waiting');
      await stage.daemon.listen();
      const peer = await stage.daemon.peer(1);
      const { id } = await peer.request('publish');
      equal(peer.frames.items[0]!.type, 'chimed.register');
      await peer.control('published', { id, topic: 'price', seq: 1 });
      await stage.client.event('published', { id: 1 });
    },
  },
  {
    name: 'does not send a frame that the daemon would not accept',
    rules: [6, 69],
    needs: 'publish',
    async run(stage) {
      stage.daemon.frameBytes = 10_000;
      const peer = await stage.subscribed('t');
      stage.client.tell({ do: 'publish', id: 1, topic: 'price', data: 'é'.repeat(5000) });
      await stage.client.event('failed', { id: 1, code: 'too-large' });
      stage.client.tell({ do: 'publish', id: 2, topic: 'price', data: 'x'.repeat(5000) });
      const { id, data } = await peer.request('publish');
      equal((data as string).length, 5000);
      await peer.control('published', { id, topic: 'price', seq: 1 });
      await stage.client.event('published', { id: 2 });
      equal(stage.daemon.peers.items.length, 1);
    },
  },
  {
    name: 'does not send a frame that has too many values or levels for the daemon',
    rules: [6, 69],
    needs: 'publish',
    async run(stage) {
      const peer = await stage.subscribed('t');
      stage.client.tell({
        do: 'publish',
        id: 1,
        topic: 'price',
        data: Array.from({ length: 60_000 }, () => 0),
      });
      await stage.client.event('failed', { id: 1, code: 'too-large' });
      stage.client.tell({ do: 'publish', id: 2, topic: 'price', data: nested(70) });
      await stage.client.event('failed', { id: 2, code: 'too-large' });
      stage.client.tell({ do: 'publish', id: 3, topic: 'price', data: ['[{,:'.repeat(20_000), nested(60)] });
      const { id } = await peer.request('publish');
      await peer.control('published', { id, topic: 'price', seq: 1 });
      await stage.client.event('published', { id: 3 });
      equal(stage.daemon.peers.items.length, 1);
    },
  },
  {
    name: 'does not send what has failed while the daemon did not read',
    rules: [76],
    needs: 'publish',
    seconds: 60,
    async run(stage) {
      const peer = await stage.subscribed('t');
      const data = 'x'.repeat(100_000);
      const count = 60;
      peer.pause();
      for (let id = 1; id <= count; id++) stage.client.tell({ do: 'publish', id, topic: 'price', data });
      for (let id = 1; id <= count; id++) await stage.client.event('failed', { id, code: 'timeout' });
      peer.resume();
      stage.client.tell({ do: 'publish', id: count + 1, topic: 'price', data: 'the last' });
      await peer.frames.find(
        ({ type, data: sent }) =>
          type === 'chimed.publish' && (sent as { data: unknown }).data === 'the last',
      );
      const late = peer.frames.items.filter(({ type }) => type === 'chimed.publish').length - 1;
      ok(late < count / 2, `it sent ${late} of ${count} publications of 100 kB that had failed`);
      equal(stage.daemon.peers.items.length, 1);
    },
  },
  {
    name: 'asks for the last message of a topic',
    rules: [25, 35],
    needs: 'get',
    async run(stage) {
      const peer = await stage.subscribed('t');
      stage.client.tell({ do: 'get', id: 1, topic: 'price' });
      const { id, topic } = await peer.request('get');
      equal(topic, 'price');
      await peer.control('got', { id, topic, seq: 4, time: 5, offset: 9, data: { a: [1] } });
      const { seq, data } = await stage.client.event('got', { id: 1 });
      deepStrictEqual({ seq, data }, { seq: 4, data: { a: [1] } });
    },
  },
  {
    name: 'tells a topic without a message from one whose last message is null',
    rules: [25],
    needs: 'get',
    async run(stage) {
      const peer = await stage.subscribed('t');
      stage.client.tell({ do: 'get', id: 1, topic: 'empty' });
      const first = await peer.request('get');
      await peer.control('got', { id: first['id'], topic: 'empty' });
      equal((await stage.client.event('got', { id: 1 }))['seq'] ?? null, null);
      const from = peer.frames.items.length;
      stage.client.tell({ do: 'get', id: 2, topic: 'null' });
      const second = await peer.request('get', from);
      await peer.control('got', { id: second['id'], topic: 'null', seq: 1, time: 5, data: null });
      const { seq, data } = await stage.client.event('got', { id: 2 });
      deepStrictEqual({ seq, data }, { seq: 1, data: null });
    },
  },
];
