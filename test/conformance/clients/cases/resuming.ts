import { deepStrictEqual, equal, notEqual, ok } from 'node:assert/strict';

import type { Case } from '../case.ts';
import { expectData, expectNumbers } from '../expect.ts';
import type { Peer } from '../peer.ts';
import type { Stage } from '../stage.ts';

/** A client that waits for longer waits for the end of a timeout of 5 s. */
const AT_ONCE_MS = 4000;

interface Resume {
  instance?: string;
  after?: Record<string, number>;
  instances?: Record<string, string>;
}

export const resuming: readonly Case[] = [
  {
    name: 'resumes after the last message of each topic',
    rules: [20, 64],
    async run(stage) {
      const peer = await stage.subscribed('t.>');
      await peer.message('t.a', 3);
      await peer.message('t.b', 7);
      await peer.message('t.a', 4);
      await stage.client.messages(3);
      peer.cut();
      const { resume } = (await (await stage.daemon.peer(2)).request('register')) as { resume: Resume };
      equal(resume.instance, 'one');
      deepStrictEqual(resume.after, { 't.a': 4, 't.b': 7 });
    },
  },
  {
    name: 'names the numbering of a topic that has one of its own',
    rules: [20],
    async run(stage) {
      const peer = await stage.subscribed('t.>');
      await peer.message('t.a', 3, { instance: 'north' });
      await peer.message('t.b', 7);
      await stage.client.messages(2);
      peer.cut();
      const { resume } = (await (await stage.daemon.peer(2)).request('register')) as { resume: Resume };
      deepStrictEqual(resume.after, { 't.a': 3, 't.b': 7 });
      deepStrictEqual({ 't.b': 'one', ...resume.instances }, { 't.a': 'north', 't.b': 'one' });
    },
  },
  {
    name: 'receives each message once when the daemon sends what it has kept',
    rules: [18, 21],
    async run(stage) {
      const peer = await stage.subscribed('t');
      for (const seq of [1, 2, 3]) await peer.message('t', seq);
      await stage.client.messages(3);
      peer.cut();
      const next = await stage.registered(2, 't');
      for (const seq of [3, 4, 5, 6]) await next.message('t', seq);
      const messages = await stage.client.messages(6);
      expectData(messages, [1, 2, 3, 4, 5, 6]);
      expectNumbers(messages, [
        [1, 0],
        [2, 0],
        [3, 0],
        [4, 0],
        [5, 0],
        [6, 0],
      ]);
    },
  },
  {
    name: 'counts what the daemon has not kept',
    rules: [21, 66],
    async run(stage) {
      const peer = await stage.subscribed('t');
      for (const seq of [1, 2]) await peer.message('t', seq);
      await stage.client.messages(2);
      peer.cut();
      const next = await stage.registered(2, 't');
      for (const seq of [40, 41]) await next.message('t', seq);
      expectNumbers(await stage.client.messages(4), [
        [1, 0],
        [2, 0],
        [40, 37],
        [41, 0],
      ]);
    },
  },
  {
    name: 'begins afresh with a daemon of a new instance, and says that it cannot count',
    rules: [17, 66],
    async run(stage) {
      const { daemon, client } = stage;
      const peer = await stage.subscribed('t');
      for (const seq of [8, 9]) await peer.message('t', seq);
      await client.messages(2);
      await daemon.crash();
      daemon.instance = 'two';
      await daemon.listen();
      const next = await stage.registered(2, 't');
      await next.message('t', 1);
      await next.message('t', 9);
      expectNumbers(await client.messages(4), [
        [8, 0],
        [9, 0],
        [1, 0],
        [9, 7],
      ]);
      await client.event('uncounted');
      equal(client.heard.at(-1)!['instance'], 'two');
    },
  },
  {
    name: 'counts on in a topic with a numbering of its own, although the daemon has a new instance',
    rules: [16, 17, 20],
    async run(stage) {
      const { daemon, client } = stage;
      const peer = await stage.subscribed('t');
      await peer.message('t', 8, { instance: 'north' });
      await client.messages(1);
      await daemon.crash();
      daemon.instance = 'two';
      await daemon.listen();
      const next = await stage.registered(2, 't');
      await next.message('t', 8, { instance: 'north' });
      await next.message('t', 11, { instance: 'north' });
      expectNumbers(await client.messages(2), [
        [8, 0],
        [11, 2],
      ]);
    },
  },
  {
    name: 'remembers where it was across connections that bring no message',
    rules: [20, 65],
    async run(stage) {
      const { daemon, client } = stage;
      const first = await stage.subscribed('t');
      await first.message('t', 5);
      await client.messages(1);
      first.cut();
      (await stage.registered(2, 't')).cut();
      daemon.greets = false;
      (await stage.registered(3, 't')).cut();
      daemon.greets = true;
      const last = await stage.registered(4, 't');
      const { resume } = (await last.request('register')) as { resume: Resume };
      deepStrictEqual(resume.after, { t: 5 });
      await last.message('t', 7);
      expectNumbers(await client.messages(2), [
        [5, 0],
        [7, 1],
      ]);
    },
  },
  {
    name: 'does not resume a topic that it has unsubscribed from',
    rules: [67],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await stage.alsoSubscribed('u');
      await peer.message('t', 1);
      await peer.message('u', 1);
      await stage.client.messages(2);
      stage.client.tell({ do: 'unlisten', topics: ['u'] });
      await peer.frame('chimed.unregister');
      peer.cut();
      const { topics, resume } = (await (await stage.daemon.peer(2)).request('register')) as {
        topics: string[];
        resume: Resume;
      };
      deepStrictEqual([topics, resume.after], [['t'], { t: 1 }]);
    },
  },
  {
    name: 'resumes more topics than fit in a frame as far as they fit, and counts all the same',
    rules: [6, 20, 69],
    async run(stage) {
      const { daemon, client } = stage;
      daemon.frameBytes = 4096;
      const count = 500;
      const names = Array.from({ length: count }, (_, index) => `t.a-topic-with-a-long-name-${index}`);
      const peer = await stage.subscribed('t.*');
      for (const name of names) await peer.message(name, 1);
      await client.messages(count);
      peer.cut();
      const next = await stage.registered(2, 't.*');
      const register = await next.frame('chimed.register');
      equal(
        Buffer.byteLength(JSON.stringify(register)) <= 4096,
        true,
        'the registration is longer than limits.frameBytes',
      );
      for (const name of names) await next.message(name, 3);
      const messages = (await client.messages(2 * count)).slice(count);
      expectNumbers(
        messages,
        names.map(() => [3, 1]),
      );
    },
  },
  {
    name: 'registers without resuming when the daemon refuses its registration, and counts all the same',
    rules: [66, 75],
    async run(stage) {
      const refusing = await reconnected(stage);
      const refused = performance.now();
      await refusing.reject('register', { code: 'bad-request', message: 'resume.after must be …' });
      await refusing.closed;
      ok(performance.now() - refused < AT_ONCE_MS, 'it waited for chimed.registered');
      await countsOn(stage, 3);
    },
  },
  {
    name: 'registers without resuming when its registration is too large for the daemon, and counts all the same',
    rules: [6, 66, 75],
    async run(stage) {
      const refusing = await reconnected(stage);
      await refusing.control('rejected', { code: 'too-large', message: 'a frame of more than 64 bytes' });
      refusing.cut();
      await countsOn(stage, 3);
    },
  },
];

/** Has the client receive message 1 and reconnect. @returns its second connection, whose registration waits for an answer. */
async function reconnected(stage: Stage): Promise<Peer> {
  const first = await stage.subscribed('t');
  await first.message('t', 1);
  await stage.client.messages(1);
  stage.daemon.greets = false;
  first.cut();
  const next = await stage.daemon.peer(2);
  notEqual((await next.request('register'))['resume'], undefined);
  stage.daemon.greets = true;
  return next;
}

/** Shows that a connection was not asked to resume, that what was missed is counted, and that the next one resumes. */
async function countsOn(stage: Stage, connection: number): Promise<void> {
  const peer = await stage.registered(connection, 't');
  equal((await peer.request('register'))['resume'], undefined);
  await peer.message('t', 9);
  expectNumbers(await stage.client.messages(2), [
    [1, 0],
    [9, 7],
  ]);
  equal(stage.client.count('uncounted'), 0);
  peer.cut();
  const { resume } = (await (await stage.daemon.peer(connection + 1)).request('register')) as {
    resume: Resume;
  };
  deepStrictEqual(resume.after, { t: 9 });
}
