import { deepStrictEqual, equal } from 'node:assert/strict';

import type { Case } from '../case.ts';
import { expectData, expectNumbers } from '../expect.ts';

export const registering: readonly Case[] = [
  {
    name: 'registers in its first frame, with its name',
    rules: [8, 64],
    async run(stage) {
      await stage.daemon.listen();
      stage.connect('conformance');
      const peer = await stage.daemon.peer(1);
      const [first] = await peer.frames.take(1);
      equal(first!.type, 'chimed.register');
      equal((first!.data as { name: string }).name, 'conformance');
      await stage.client.event('ready');
    },
  },
  {
    name: 'does not resume on its first connection',
    rules: [20],
    async run(stage) {
      const peer = await stage.subscribed('t');
      for (const { data } of peer.frames.items) equal((data as { resume?: unknown }).resume, undefined);
    },
  },
  {
    name: 'registers all patterns in the first frame of a later connection, and none twice',
    rules: [64],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await stage.alsoSubscribed('u.>', 'v.*');
      peer.cut();
      const next = await stage.registered(2, 't', 'u.>', 'v.*');
      const { topics } = await next.request('register');
      deepStrictEqual((topics as string[]).toSorted(), ['t', 'u.>', 'v.*']);
    },
  },
  {
    name: 'registers further patterns as soon as the program subscribes to them',
    rules: [67],
    async run(stage) {
      const peer = await stage.subscribed('t');
      const from = peer.frames.items.length;
      stage.client.tell({ do: 'listen', topics: ['u'] });
      const { topics } = await peer.request('register', from);
      deepStrictEqual(topics, ['u']);
      await peer.message('u', 4);
      expectData(await stage.client.messages(1, 'u'), [4]);
    },
  },
  {
    name: 'unregisters, and drops what still arrives',
    rules: [12, 67],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await stage.alsoSubscribed('u');
      await peer.message('u', 1);
      await stage.client.messages(1, 'u');
      stage.client.tell({ do: 'unlisten', topics: ['u'] });
      deepStrictEqual((await peer.request('unregister'))['topics'], ['u']);
      await peer.message('u', 2);
      await peer.message('t', 1);
      await stage.client.messages(1, 't');
      equal(stage.client.heard.filter(({ topic }) => topic === 'u').length, 1);
    },
  },
  {
    name: 'begins afresh with a topic that it subscribes to again',
    rules: [66, 67],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await stage.alsoSubscribed('u.*');
      await peer.message('u.a', 1);
      await stage.client.messages(1, 'u.a');
      stage.client.tell({ do: 'unlisten', topics: ['u.*'] });
      await peer.frame('chimed.unregister');
      const from = peer.frames.items.length;
      stage.client.tell({ do: 'listen', topics: ['u.*'] });
      await peer.frame('chimed.register', from);
      await peer.message('u.a', 9);
      expectData(await stage.client.messages(2, 'u.a'), [1, 9]);
    },
  },
  {
    name: 'reports a topic that the daemon refuses, and hears the others',
    rules: [10],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await stage.alsoSubscribed('nope');
      await peer.reject('register', {
        code: 'unknown-topic',
        message: 'there is no topic nope',
        topic: 'nope',
      });
      await stage.client.event('refused', { topic: 'nope', code: 'unknown-topic' });
      await peer.message('t', 1);
      expectData(await stage.client.messages(1), [1]);
    },
  },
  {
    name: 'reports a topic that a reload takes away, and hears the others',
    rules: [37],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await stage.alsoSubscribed('u');
      await peer.message('u', 1);
      await stage.client.messages(1, 'u');
      await peer.reject('register', {
        code: 'not-allowed',
        message: 'you are not allowed to hear u',
        topic: 'u',
      });
      await stage.client.event('refused', { topic: 'u', code: 'not-allowed' });
      await peer.message('t', 1);
      await stage.client.messages(1, 't');
    },
  },
  {
    name: 'goes on when the daemon sends chimed.registered again',
    rules: [9, 60],
    async run(stage) {
      const peer = await stage.subscribed('t.>');
      await peer.message('t.a', 1);
      await stage.client.messages(1);
      await peer.send(stage.daemon.registered({ topics: ['t.a', 't.b'] }));
      await peer.message('t.a', 3);
      await peer.message('t.b', 1);
      expectNumbers(await stage.client.messages(3), [
        [1, 0],
        [3, 1],
        [1, 0],
      ]);

      equal(stage.client.count('uncounted'), 0);
    },
  },
  {
    name: 'waits for a pattern that matches nothing yet',
    rules: [38],
    async run(stage) {
      stage.daemon.answer = () => ({ topics: [] });
      const peer = await stage.subscribed('none.>');
      await peer.send(stage.daemon.registered({ topics: ['none.a'] }));
      await peer.message('none.a', 1);
      expectData(await stage.client.messages(1), [1]);
      equal(stage.client.count('refused'), 0);
    },
  },
];
