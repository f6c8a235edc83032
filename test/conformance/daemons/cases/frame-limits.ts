import { deepEqual, ok } from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';

import type { DaemonCase } from '../daemon-case.ts';
import { encode } from '../raw-peer.ts';
import type { Data } from '../raw-peer.ts';
import { ends, has } from './assertions.ts';
import { hasty, tight } from './settings.ts';

const published = { publish: true };
/** Time between two bytes of a frame that never ends, in milliseconds. */
const WRITE_MS = 20;
const FRAME_BYTES = 64 * 1024;

const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
/** A publication of exactly so many bytes, without its form feed. */
function publication(topic: string, bytes: number): string {
  const empty = encode('chimed.publish', { topic, data: '', id: 'sized' }).slice(0, -1);
  return empty.replace('"data":""', `"data":"${'x'.repeat(bytes - empty.length)}"`);
}

export const frameLimits: readonly DaemonCase[] = [
  {
    name: 'accepts a frame of limits.frameBytes, and rejects one that is a byte longer',
    rules: [6],
    topics: { 'longest.t': published },
    settings: tight,
    async run({ daemon }) {
      const peer = await daemon.connect();
      has(await peer.register(['longest.t']), { limits: { frameBytes: FRAME_BYTES } });
      await peer.write(`${publication('longest.t', FRAME_BYTES)}\f`);
      has(await peer.control('published'), { id: 'sized' });
      await peer.write(`${publication('longest.t', FRAME_BYTES + 1)}\f`);
      await ends(peer, 'too-large');
    },
  },
  {
    name: 'rejects a frame that is too long before its end',
    rules: [6],
    topics: { 'endless.t': published },
    settings: tight,
    async run({ daemon }) {
      const peer = await daemon.connect();
      void peer.write('x'.repeat(FRAME_BYTES + 1));
      await ends(peer, 'too-large');
    },
  },
  {
    name: 'rejects a frame that is not complete within clients.frameTimeout',
    rules: [6],
    topics: { 'unfinished.t': published },
    settings: hasty,
    async run({ daemon }) {
      const peer = await daemon.connect();
      await peer.write('{"type":"unfin');
      await ends(peer, 'incomplete');
    },
  },
  {
    name: 'gives a frame no more time because its bytes arrive one by one',
    rules: [6],
    topics: { 'dribble.t': published, 'dribble.tick': { interval: '20ms', data: 1 } },
    settings: hasty,
    async run({ daemon }) {
      const clock = await daemon.subscriber('dribble.tick');
      const peer = await daemon.connect();
      await peer.write('"');
      const over = ends(peer, 'incomplete');
      let bytes = 1;
      while (peer.frames.items.length === 0) {
        await Promise.race([clock.frame('dribble.tick', clock.frames.items.length), over]);
        void peer.write('x');
        bytes++;
      }
      ok(bytes > 2, 'no byte arrived in between');
      await over;
    },
  },
  {
    name: 'gives a frame no more time because it has read the requests of its user more slowly meanwhile',
    rules: [6],
    topics: { 'debt.t': published },
    settings: { clients: { frameTimeout: '500ms', bytesPerSecond: '64KiB' } },
    async run({ daemon }) {
      const [peer, other] = [await daemon.connect(), await daemon.connect()];
      const count = 140; // The daemon takes more than a second to read them, longer than a frame can take.
      const requests = Array.from({ length: count }, (_, id) =>
        encode('chimed.publish', { topic: 'debt.t', data: 'x'.repeat(1000), id }),
      );
      await peer.write('{"type":"');
      await other.settled();
      await other.write(requests.join(''));
      for (let isDone = false; !isDone && peer.frames.items.length === 0;) {
        void peer.write('x');
        await wait(WRITE_MS);
        isDone = other.frames.items.some(({ data }) => (data as Data)['id'] === count - 1);
      }
      has(await other.control('rejected'), { code: 'too-fast' });
      const later = await daemon.connect();
      await later.write('{"type":"unf');
      await ends(later, 'incomplete');
      ok(peer.frames.items.length > 0, 'a later frame has run out of time, and this one has not');
      await ends(peer, 'incomplete');
    },
  },
  {
    name: 'takes its time between two frames',
    rules: [6],
    topics: { 'pause.t': published, 'pause.tick': { interval: '20ms', data: 1 } },
    settings: hasty,
    async run({ daemon }) {
      const clock = await daemon.subscriber('pause.tick');
      const peer = await daemon.subscriber('pause.t');
      await peer.write('\n');
      await clock.messages('pause.tick', 15); // 300 ms, by the clock of the daemon.
      await peer.publish('pause.t', 1);
    },
  },
  {
    name: 'accepts a frame that nests 66 levels, of which its payload has 64',
    rules: [6, 7],
    topics: { 'deep.t': published },
    async run({ daemon }) {
      const peer = await daemon.subscriber('deep.t');
      await peer.publish('deep.t', nested(64));
      const [message] = await peer.messages('deep.t', 1);
      deepEqual(message!.data, nested(64));
    },
  },
  {
    name: 'rejects a frame that nests 67 levels',
    rules: [6],
    topics: { 'deeper.t': published },
    async run({ daemon }) {
      const peer = await daemon.connect();
      peer.send('chimed.publish', { topic: 'deeper.t', data: nested(65) });
      await ends(peer, 'too-large');
    },
  },
  {
    name: 'counts no bracket within a text as a level',
    rules: [6],
    topics: { 'brackets.t': published },
    async run({ daemon }) {
      const peer = await daemon.connect();
      await peer.publish('brackets.t', `"\\${'['.repeat(200)}`);
    },
  },
  {
    name: 'accepts a frame of just under 50,000 values, and rejects one of more',
    rules: [6],
    topics: { 'values.t': published },
    async run({ daemon }) {
      const peer = await daemon.connect();
      await peer.publish('values.t', Array(49_900).fill(0));
      peer.send('chimed.publish', { topic: 'values.t', data: Array(50_000).fill(0) });
      await ends(peer, 'too-large');
    },
  },
  {
    name: 'refuses a payload that nests 65 levels, and keeps the connection',
    rules: [7, 53],
    topics: { 'toodeep.t': { provide: true } },
    async run({ daemon }) {
      const provider = await daemon.provider('toodeep.t');
      provider.send('toodeep.t', nested(65));
      has(await provider.control('rejected'), {
        code: 'too-large',
        request: 'toodeep.t',
        topic: 'toodeep.t',
      });
      const subscriber = await daemon.subscriber('toodeep.t');
      provider.send('toodeep.t', nested(64));
      deepEqual((await subscriber.frame('toodeep.t')).data, nested(64));
    },
  },
];
