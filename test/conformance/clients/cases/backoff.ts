import { ok } from 'node:assert/strict';

import type { Case } from '../case.ts';
import type { Peer } from '../peer.ts';
import type { Stage } from '../stage.ts';

const FIRST_MS = 100;
const MOST_MS = 5000;
/** What a busy machine can add to a delay, in milliseconds: once, and most of the time. */
const SLACK_MS = 2000;
const USUAL_SLACK_MS = 600;

/** Ends the first `count` connections, and returns how long after each of these ends the next one came. */
async function delays(stage: Stage, count: number, end: (peer: Peer) => Promise<void>): Promise<number[]> {
  const ends: number[] = [];
  await stage.daemon.listen();
  stage.subscribe('t');
  for (let number = 1; number <= count; number++) {
    const peer = await stage.daemon.peer(number);
    await end(peer);
    ends.push(performance.now());
    peer.cut();
  }
  await stage.daemon.peer(count + 1);
  return ends.map((ended, index) => stage.daemon.peers.items[index + 1]!.acceptedAt - ended);
}

const rounded = (list: readonly number[]): string => list.map((ms) => Math.round(ms)).join(', ');

export const backoff: readonly Case[] = [
  {
    name: 'waits longer and longer before it tries again, but never longer than its bounds',
    rules: [30, 65],
    seconds: 60,
    async run(stage) {
      stage.daemon.greets = false;
      const seen = await delays(stage, 8, async (peer) => void (await peer.frame('chimed.register')));
      for (const [index, delay] of seen.entries()) {
        const bound = Math.min(MOST_MS, FIRST_MS * 2 ** index);
        ok(delay <= bound + SLACK_MS, `delay ${index + 1} is ${Math.round(delay)} ms, more than ${bound} ms`);
      }
      // By chance alone, all of these are so short once in ten million times.
      ok(Math.max(...seen.slice(3)) > 1.5 * FIRST_MS, `the delays do not grow: ${rounded(seen)} ms`);
    },
  },
  {
    name: 'waits a random time, and begins again with the shortest once it was registered',
    rules: [30, 65],
    seconds: 60,
    async run(stage) {
      const registered = stage.daemon.registered.bind(stage.daemon);
      stage.daemon.greets = false;
      const seen = await delays(stage, 40, async (peer) => {
        await peer.frame('chimed.register');
        await peer.send(registered({ topics: ['t'] }));
        await stage.client.events.take(peer.number, ({ on }) => on === 'ready');
      });
      // A busy machine delays some of them much, and all of them by about the same time: the shorter half tells them apart.
      const sorted = seen.toSorted((one, other) => one - other);
      ok(sorted[30]! <= FIRST_MS + USUAL_SLACK_MS, `the delays grow: ${rounded(seen)} ms`);
      // By chance alone, the shorter half of random delays is so narrow twice in a million times.
      ok(sorted[19]! - sorted[0]! > 15, `the delays are all alike: ${rounded(seen)} ms`);
    },
  },
];
