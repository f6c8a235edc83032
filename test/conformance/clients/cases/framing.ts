import { deepStrictEqual, equal, ok } from 'node:assert/strict';

import type { Case } from '../case.ts';
import { expectData, expectNumbers } from '../expect.ts';
import { encode, message } from '../peer.ts';
import type { Peer } from '../peer.ts';
import type { Stage } from '../stage.ts';

const MIB = 1024 * 1024;
/** The longest payload, as JSON (rule 7). */
const LONGEST_PAYLOAD = 64 * MIB;
/** What a frame may have beside it. */
const ENVELOPE = 4096;
/** Characters of one to four bytes in UTF-8, and what JSON escapes. */
const TEXT = 'aé€😀 "\\\f\n';

/** A payload of so many bytes as JSON. */
function textOf(bytes: number): string {
  return 'x'.repeat(bytes - 2);
}

/** Sends bytes in pieces, so that the client can read each by itself. */
async function inPieces(peer: Peer, bytes: Buffer, at: readonly number[]): Promise<void> {
  let from = 0;
  for (const to of [...at, bytes.length]) {
    await peer.write(bytes.subarray(from, to));
    await new Promise((resolve) => setTimeout(resolve, 1)); // Otherwise, the kernel joins the pieces.
    from = to;
  }
}

/** What is not a frame ends the connection, and the next one goes on after the last message. */
async function endsTheConnection(stage: Stage, bytes: string): Promise<void> {
  const first = await stage.subscribed('t');
  await first.message('t', 1);
  await stage.client.messages(1);
  await first.write(bytes);
  await first.closed;
  const second = await stage.registered(2, 't');
  await second.message('t', 1);
  await second.message('t', 2);
  expectData(await stage.client.messages(2), [1, 2]);
}

export const framing: readonly Case[] = [
  {
    name: 'reads a frame that is split at any byte',
    rules: [2, 62],
    async run(stage) {
      const peer = await stage.subscribed('t');
      const { length } = Buffer.from(encode(message('t', 1, { data: TEXT })));
      for (let seq = 1; seq < length; seq++) {
        const bytes = Buffer.from(
          encode(message('t', 1, { data: TEXT })).replace('"seq":1,', `"seq":${seq},`),
        );
        await inPieces(peer, bytes, [seq]);
      }
      const messages = await stage.client.messages(length - 1);
      expectData(
        messages,
        Array.from({ length: length - 1 }, () => TEXT),
      );
      ok(messages.every(({ seq, missed }, index) => seq === index + 1 && missed === 0));
    },
  },
  {
    name: 'reads a frame that arrives byte by byte',
    rules: [2, 62],
    async run(stage) {
      const peer = await stage.subscribed('t');
      const bytes = Buffer.from(encode(message('t', 1, { data: { text: TEXT } })));
      await inPieces(peer, bytes, [...bytes.keys()].slice(1));
      expectData(await stage.client.messages(1), [{ text: TEXT }]);
    },
  },
  {
    name: 'reads 500 frames that arrive at once',
    rules: [2, 62],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await peer.send(...Array.from({ length: 500 }, (_, index) => message('t', index + 1)));
      const messages = await stage.client.messages(500);
      expectNumbers(
        messages,
        Array.from({ length: 500 }, (_, index) => [index + 1, 0]),
      );
    },
  },
  {
    name: 'skips white space before a frame',
    rules: [2],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await peer.write(` \n\t\r${encode(message('t', 1))}\n${encode(message('t', 2))}\n`);
      expectData(await stage.client.messages(2), [1, 2]);
    },
  },
  {
    name: 'reads JSON with white space between its tokens, and with its keys in any order',
    rules: [2, 3],
    async run(stage) {
      const peer = await stage.subscribed('t');
      const { type, data, ...numbers } = message('t', 1, { data: { type: 'chimed.rejected', seq: 9 } });
      await peer.write(`${JSON.stringify({ ...numbers, data, type }, null, 2)}\f`);
      const [only] = await stage.client.messages(1);
      deepStrictEqual([only!.topic, only!.seq, only!.data], ['t', 1, data]);
    },
  },
  {
    name: 'reads keys and types that are written with escapes',
    rules: [2, 3],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await peer.write(String.raw`{"\u0074ype":"\u0074","d\u0061ta":"\u00e9\u20AC","seq":1,"time":5}` + '\f');
      const [only] = await stage.client.messages(1);
      deepStrictEqual([only!.topic, only!.data], ['t', 'é€']);
    },
  },
  {
    name: 'reports each kind of payload as it was sent',
    rules: [3, 13],
    async run(stage) {
      const peer = await stage.subscribed('t');
      const payloads = [
        null,
        false,
        true,
        0,
        -1.5e-7,
        1e300,
        '',
        '\u2028',
        [],
        {},
        [[null]],
        { '': { a: [1] } },
      ];
      for (const [index, data] of payloads.entries()) await peer.message('t', index + 1, { data });
      expectData(await stage.client.messages(payloads.length), payloads);
    },
  },
  {
    name: 'reads payloads that nest 64 levels',
    rules: [7, 61],
    async run(stage) {
      const peer = await stage.subscribed('t');
      const lists = JSON.parse('['.repeat(64) + ']'.repeat(64)) as unknown;
      const mappings = JSON.parse('{"a":'.repeat(63) + '{}' + '}'.repeat(63)) as unknown;
      await peer.message('t', 1, { data: lists });
      await peer.message('t', 2, { data: mappings });
      expectData(await stage.client.messages(2), [lists, mappings]);
    },
  },
  {
    name: 'reads a payload of 64 MiB, and the message behind it',
    rules: [7, 61],
    seconds: 110,
    async run(stage) {
      const peer = await stage.subscribed('t');
      await peer.message('t', 1, { data: textOf(LONGEST_PAYLOAD) });
      await peer.message('t', 2);
      const [large, small] = await stage.client.messages(2);
      equal((large!.data as string).length, LONGEST_PAYLOAD - 2);
      equal(small!.seq, 2);
    },
  },
  {
    name: 'closes the connection at a frame that is too long, and reconnects',
    rules: [61],
    seconds: 60,
    async run(stage) {
      const peer = await stage.subscribed('t');
      const piece = Buffer.alloc(MIB, 'x');
      void peer.write('{"type":"t","data":"');
      const isOpen = () => peer.closed.then(() => false);
      // A client that stored all of it would need twice as much as it must.
      for (let written = 0; written <= 2 * LONGEST_PAYLOAD + ENVELOPE; written += MIB)
        if (!(await Promise.race([peer.write(piece).then(() => true), isOpen()]))) break;
      await peer.closed;
      await (await stage.registered(2, 't')).message('t', 1);
      expectData(await stage.client.messages(1), [1]);
    },
  },
  {
    name: 'ignores control frames that it does not know',
    rules: [4, 5],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await peer.control('future', { topic: 't', seq: 7 });
      await peer.send({ type: 'chimed.' }, { type: 'chimed.future.more', seq: 3 });
      await peer.message('t', 1);
      expectData(await stage.client.messages(1), [1]);
      equal(stage.client.heard.length, 1);
    },
  },
  {
    name: 'ignores fields that it does not know',
    rules: [5],
    async run(stage) {
      stage.daemon.answer = () => ({
        future: { a: 1 },
        topics: [{ topic: 't', interval: 1, instance: 'one', seq: 0, future: [] }],
      });
      const peer = await stage.subscribed('t');
      await peer.send({ ...message('t', 1), future: { seq: 5 }, missed: 9 });
      expectData(await stage.client.messages(1), [1]);
    },
  },
  {
    name: 'survives lone surrogates and invalid UTF-8 in a payload',
    rules: [63, 71],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await peer.write(String.raw`{"type":"t","data":"\ud800","seq":1,"time":5}` + '\f');
      await peer.write(
        String.raw`{"type":"t","data":{"\udc00\ud800":"\ud83d\ude00"},"seq":2,"time":5}` + '\f',
      );
      await peer.message('t', 3);
      const [, second, third] = await stage.client.messages(3);
      deepStrictEqual([Object.values(second!.data as object), third!.data], [['😀'], 3]);
      await peer.write(
        Buffer.concat([
          Buffer.from('{"type":"t","data":"'),
          Buffer.of(0xff, 0xc3),
          Buffer.from('","seq":4,"time":5}\f'),
        ]),
      );
      // Either is right: it replaces the bytes, or it begins again.
      await Promise.race([stage.client.messages(4), stage.daemon.peer(2)]);
    },
  },
  {
    name: 'keeps numbers up to 2^53 - 1 exact',
    rules: [71],
    async run(stage) {
      const peer = await stage.subscribed('t');
      const most = Number.MAX_SAFE_INTEGER;
      await peer.message('t', most - 2, { offset: most - 5 });
      await peer.message('t', most, { offset: most, data: [most, -most] });
      const messages = await stage.client.messages(2);
      expectNumbers(messages, [
        [most - 2, 0],
        [most, 1],
      ]);
      deepStrictEqual(
        [messages[0]!['offset'], messages[1]!['offset'], messages[1]!.data],
        [most - 5, most, [most, -most]],
      );
    },
  },
  {
    name: 'reconnects when it receives something that is not JSON',
    rules: [63],
    run: (stage) => endsTheConnection(stage, '{"type":"t","data":}\f'),
  },
  {
    name: 'reconnects when it receives JSON that is not an object',
    rules: [63],
    run: (stage) => endsTheConnection(stage, 'null\f'),
  },
  {
    name: 'reconnects when it receives an object without a type',
    rules: [3, 63],
    run: (stage) => endsTheConnection(stage, '{"data":1,"seq":2}\f'),
  },
  {
    name: 'reconnects when it receives an object whose type is empty or no text',
    rules: [3, 63],
    async run(stage) {
      await endsTheConnection(stage, '{"type":"","data":1,"seq":2}\f');
      await (await stage.registered(2, 't')).write('{"type":7,"data":1,"seq":3}\f');
      await stage.daemon.peer(3);
    },
  },
  {
    name: 'reconnects when it receives two objects without a form feed between them',
    rules: [2, 63],
    run: (stage) => endsTheConnection(stage, '{"type":"t","seq":7,"data":1}{"type":"t","seq":8,"data":1}\f'),
  },
];
