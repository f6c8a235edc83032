import { equal, ok } from 'node:assert/strict';

import type { Case } from '../case.ts';
import { message as made } from '../peer.ts';
import type { Peer } from '../peer.ts';

/** Payload of a message, in bytes. */
const PAYLOAD = 'x'.repeat(10_000);
const COUNT = 4000;

/** A client that takes no byte for so long does not read. */
const STANDSTILL_MS = 1000;

/** Sends messages while the client reads them. What it has no room for is a gap, as with a daemon. */
async function flood(peer: Peer, from: number, to: number): Promise<void> {
  for (let seq = from; seq <= to; seq++) {
    const timer = Promise.withResolvers<'stands still'>();
    const timeout = setTimeout(() => timer.resolve('stands still'), STANDSTILL_MS);
    const outcome = await Promise.race([peer.send(made('t', seq, { data: PAYLOAD })), timer.promise]);
    clearTimeout(timeout);
    if (outcome === 'stands still') return;
  }
}

export const slowness: readonly Case[] = [
  {
    name: 'tells a program that is slower than its topic exactly how much it missed',
    rules: [66, 72],
    seconds: 60,
    async run(stage) {
      const peer = await stage.subscribed('t');
      await peer.message('t', 1);
      await stage.client.messages(1);
      stage.client.tell({ do: 'pause' });
      await flood(peer, 2, COUNT);
      stage.client.tell({ do: 'continue' });
      await peer.message('t', COUNT + 1, { data: 'the newest' });
      const isNewest = ({ on, data }: Record<string, unknown>) => on === 'message' && data === 'the newest';
      await stage.client.events.find(isNewest);
      let last = 0;
      for (const { seq, missed } of stage.client.heard) {
        equal(missed, last === 0 ? 0 : seq - last - 1, `missed before message ${seq}, after ${last}`);
        last = seq;
      }
      const missed = stage.client.heard.reduce((sum, message) => sum + message.missed, 0);
      equal(stage.client.heard.length + missed, COUNT + 1);
      ok(missed > 0, 'it missed nothing: it keeps without bound what the program does not take');
    },
  },
  {
    name: 'answers commands of a program that takes no messages',
    rules: [68, 72, 73],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await peer.message('t', 1);
      await stage.client.messages(1);
      stage.client.tell({ do: 'pause' });
      await peer.send(...Array.from({ length: 100 }, (_, index) => made('t', index + 2)));
      stage.client.tell({ do: 'close' });
      await stage.client.event('closed');
      equal(await stage.client.ended, 0);
    },
  },
];
