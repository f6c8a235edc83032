import { deepEqual, equal, ok } from 'node:assert/strict';
import { lstatSync } from 'node:fs';

import type { DaemonCase } from '../daemon-case.ts';
import type { DaemonUnderTest } from '../daemon-under-test.ts';
import { encode } from '../raw-peer.ts';
import { ends, has } from './assertions.ts';

const published = { publish: true };

/** Waits until the daemon has read what other connections have sent: it answers this one later. */
async function hasRead(daemon: DaemonUnderTest): Promise<void> {
  const other = await daemon.connect();
  await other.settled();
  await other.settled();
  other.cut();
}

/** What is no frame, and the code that it is rejected with. */
const broken: readonly (readonly [what: string, bytes: string | Buffer, code: string])[] = [
  ['text that is not JSON', 'hello\f', 'not-json'],
  ['half an object', '{"type":"t"\f', 'not-json'],
  ['two objects in one frame', '{"type":"t"}{"type":"t"}\f', 'not-json'],
  ['nothing', '\f', 'not-json'],
  ['bytes that are not UTF-8', Buffer.from('{"type":"t","data":"\xff"}\f', 'latin1'), 'not-json'],
  ['half a character', Buffer.from('{"type":"t","data":"\xe2\x82"}\f', 'latin1'), 'not-json'],
  ['null', 'null\f', 'not-an-object'],
  ['a list', '[]\f', 'not-an-object'],
  ['a number', '5\f', 'not-an-object'],
  ['a text', '"t"\f', 'not-an-object'],
  ['an object without a type', '{"data":1}\f', 'bad-type'],
  ['a type that is a number', '{"type":7}\f', 'bad-type'],
  ['a type that is null', '{"type":null}\f', 'bad-type'],
];

const brokenCases = broken.map(([what, bytes, code], index): DaemonCase => ({
  name: `rejects ${what} as ${code}, and closes the connection`,
  rules: code === 'bad-type' ? [3, 6, 26] : [2, 6, 26],
  topics: { [`broken${index}`]: published },
  async run({ daemon }) {
    const peer = await daemon.connect();
    peer.send('chimed.register', { topics: [] });
    await peer.write(bytes);
    await ends(peer, code);
  },
}));

export const frames: readonly DaemonCase[] = [
  {
    name: 'listens on a Unix stream socket at the path that it is given',
    rules: [1],
    topics: { listens: published },
    async run({ daemon }) {
      ok(lstatSync(daemon.process.socket).isSocket());
      await (await daemon.connect()).register(['listens']);
    },
  },
  {
    name: 'ends each frame with a form feed, and sends none within it',
    rules: [2],
    topics: { 'feed.feed': published },
    async run({ daemon }) {
      const peer = await daemon.subscriber('feed.feed');
      const data = 'a\fb\n\r\t\0"\\\u2028 €👍';
      let bytes = Buffer.alloc(0);
      peer.socket.on('data', (chunk: Buffer) => (bytes = Buffer.concat([bytes, chunk])));
      await peer.publish('feed.feed', data);
      const [message] = await peer.messages('feed.feed', 1);
      equal(message!.data, data);
      equal(bytes.filter((byte) => byte === 0x0c).length, 2, 'a message and an answer');
      equal(bytes.at(-1), 0x0c);
    },
  },
  {
    name: 'skips white space before a frame',
    rules: [2],
    topics: { 'blank.t': published },
    async run({ daemon }) {
      const peer = await daemon.subscriber('blank.t');
      const one = encode('chimed.publish', { topic: 'blank.t', data: 1 });
      await peer.write(` \t\r\n${one}\n${one}\r\n `);
      await peer.messages('blank.t', 2);
      await peer.write(`\n${one}`);
      await peer.messages('blank.t', 3);
    },
  },
  {
    name: 'reads a frame that arrives in two pieces, wherever it is cut',
    rules: [2],
    topics: { cut: published },
    async run({ daemon }) {
      const peer = await daemon.subscriber('cut');
      const bytes = Buffer.from('{"type":"chimed.publish","data":{"topic":"cut","data":"é€👍"}}\f');
      for (let at = 1; at < bytes.length; at++) {
        await peer.write(bytes.subarray(0, at));
        await hasRead(daemon);
        await peer.write(bytes.subarray(at));
      }
      const messages = await peer.messages('cut', bytes.length - 1);
      deepEqual(new Set(messages.map(({ data }) => data)), new Set(['é€👍']));
    },
  },
  {
    name: 'reads many frames from one write, in order',
    rules: [2],
    topics: { many: published },
    async run({ daemon }) {
      const peer = await daemon.subscriber('many');
      const numbers = Array.from({ length: 1000 }, (_, index) => index);
      await peer.write(numbers.map((data) => encode('chimed.publish', { topic: 'many', data })).join(''));
      const messages = await peer.messages('many', numbers.length);
      deepEqual(
        messages.map(({ data }) => data),
        numbers,
      );
    },
  },
  ...brokenCases,
  {
    name: 'rejects a type that is empty as bad-type, and closes the connection',
    rules: [3, 6, 26],
    topics: { empty: published },
    async run({ daemon }) {
      const peer = await daemon.connect();
      peer.send('', 1).send('chimed.status', { topics: [], id: 'still here' });
      await Promise.race([
        peer.closed,
        peer.frame('chimed.status').then(() => Promise.reject(new Error('the connection goes on'))),
      ]);
      await ends(peer, 'bad-type');
    },
  },
  {
    name: 'carries out nothing that follows what is no frame',
    rules: [6],
    topics: { 'after.t': published },
    async run({ daemon }) {
      const peer = await daemon.connect();
      await peer.write(`not JSON\f${encode('chimed.publish', { topic: 'after.t', data: 1 })}`);
      await ends(peer, 'not-json');
      const got = await (await daemon.connect()).demand('get', { topic: 'after.t' }, 'got');
      ok(!('seq' in got));
    },
  },
  {
    name: 'refuses a control frame that it does not know, and keeps the connection',
    rules: [4, 26],
    topics: { 'unknown.t': published },
    async run({ daemon }) {
      const peer = await daemon.subscriber('unknown.t');
      has(await peer.refused('of-another-age', {}), { code: 'bad-type', request: 'chimed.of-another-age' });
      await peer.publish('unknown.t', 1);
      await peer.messages('unknown.t', 1);
    },
  },
];
