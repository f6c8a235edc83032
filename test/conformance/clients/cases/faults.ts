import { equal, ok } from 'node:assert/strict';
import { rmSync } from 'node:fs';

import type { Case } from '../case.ts';
import { expectData, expectNumbers } from '../expect.ts';
import { FullListener } from '../full-listener.ts';
import { encode, message } from '../peer.ts';

/** What a client can need to connect: the delays of its first attempts, and a busy machine. */
const SOON_MS = 10_000;
/** How long the daemon can take to answer (rules 65 and 68), in milliseconds. */
const ANSWER_MS = 5000;

export const faults: readonly Case[] = [
  {
    name: 'waits for a daemon that is not there yet',
    rules: [30, 65],
    async run(stage) {
      stage.subscribe('t');
      await stage.client.event('waiting');
      await stage.daemon.listen();
      await (await stage.registered(1, 't')).message('t', 1);
      expectData(await stage.client.messages(1), [1]);
    },
  },
  {
    name: 'waits while nothing listens on the socket of a daemon that has crashed',
    rules: [30],
    async run(stage) {
      await stage.daemon.listen();
      await stage.daemon.crash();
      stage.subscribe('t');
      await stage.client.event('waiting');
      await stage.daemon.listen();
      await (await stage.registered(1, 't')).message('t', 1);
      expectData(await stage.client.messages(1), [1]);
    },
  },
  {
    name: 'waits while too many connections wait to be accepted',
    rules: [31],
    async run(stage) {
      const { daemon } = stage;
      await using full = await FullListener.listen(daemon.path);
      stage.subscribe('t');
      // A blocking connect(2) waits by itself.
      await Promise.race([
        stage.client.event('waiting'),
        new Promise((resolve) => setTimeout(resolve, 2000)),
      ]);
      await full[Symbol.asyncDispose]();
      await daemon.listen();
      await (await stage.registered(1, 't')).message('t', 1);
      expectData(await stage.client.messages(1), [1]);
    },
  },
  {
    name: 'drops the part of a frame at which the connection ended',
    rules: [62],
    async run(stage) {
      const first = await stage.subscribed('t');
      await first.message('t', 1);
      await stage.client.messages(1);
      await first.write(encode(message('t', 2)).slice(0, -6));
      first.cut();
      const second = await stage.registered(2, 't');
      for (const seq of [2, 3]) await second.message('t', seq);
      expectData(await stage.client.messages(3), [1, 2, 3]);
    },
  },
  {
    name: 'reconnects when the connection ends within the answer to its registration',
    rules: [62, 65],
    async run(stage) {
      const { daemon } = stage;
      daemon.greets = false;
      await daemon.listen();
      stage.subscribe('t');
      const first = await stage.daemon.peer(1);
      await first.frame('chimed.register');
      await first.write(encode(daemon.registered({ topics: ['t'] })).slice(0, 40));
      first.cut();
      daemon.greets = true;
      await (await stage.registered(2, 't')).message('t', 1);
      expectData(await stage.client.messages(1), [1]);
    },
  },
  {
    name: 'reconnects when the daemon stops',
    rules: [27, 30],
    async run(stage) {
      const first = await stage.subscribed('t');
      await first.message('t', 1);
      await first.control('stopping', { reason: 'SIGTERM' });
      await stage.daemon.crash();
      await stage.client.event('waiting');
      rmSync(stage.daemon.path, { force: true });
      await stage.daemon.listen();
      await (await stage.registered(2, 't')).message('t', 2);
      expectData(await stage.client.messages(2), [1, 2]);
    },
  },
  {
    name: 'reconnects when the daemon disconnects it for being too slow, and counts what it missed',
    rules: [26, 30, 66],
    async run(stage) {
      const first = await stage.subscribed('t');
      await first.message('t', 1);
      await stage.client.messages(1);
      await first.control('rejected', { code: 'stalled', message: 'this client has not read for 30 s' });
      first.cut();
      await (await stage.registered(2, 't')).message('t', 9);
      expectNumbers(await stage.client.messages(2), [
        [1, 0],
        [9, 7],
      ]);
    },
  },
  {
    name: 'keeps trying while the daemon refuses its connections',
    rules: [26, 30, 65],
    async run(stage) {
      const { daemon } = stage;
      daemon.greets = false;
      daemon.accepted = (peer) => {
        if (peer.number > 3) return;
        void peer
          .control('rejected', { code: 'too-many-clients', message: 'no room' })
          .then(() => peer.cut());
      };
      await daemon.listen();
      stage.subscribe('t');
      await stage.daemon.peer(3);
      daemon.greets = true;
      await (await stage.registered(4, 't')).message('t', 1);
      expectData(await stage.client.messages(1), [1]);
    },
  },
  {
    name: 'gives up a connection on which nobody answers the registration for 5 s, and tries another',
    rules: [65],
    async run(stage) {
      const { daemon } = stage;
      daemon.greets = false;
      await daemon.listen();
      stage.subscribe('t');
      const first = await daemon.peer(1);
      await first.frame('chimed.register');
      await first.closed;
      daemon.greets = true;
      const took = performance.now() - first.acceptedAt;
      ok(took > ANSWER_MS * 0.9 && took < ANSWER_MS + SOON_MS, `it gave up after ${Math.round(took)} ms`);
      await stage.client.event('ready');
      await stage.daemon.peers.items.at(-1)!.message('t', 1);
      expectData(await stage.client.messages(1), [1]);
    },
  },
  {
    name: 'hears nothing wrong in a connection that is quiet',
    rules: [65, 68],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await peer.message('t', 1);
      await stage.client.messages(1);
      await new Promise((resolve) => setTimeout(resolve, ANSWER_MS + 1000));
      await peer.message('t', 2);
      await stage.client.messages(2);
      equal(stage.daemon.peers.items.length, 1);
    },
  },
  {
    name: 'ends at once when it is closed while it is connected',
    rules: [73],
    async run(stage) {
      const peer = await stage.subscribed('t');
      stage.client.tell({ do: 'close' });
      await stage.client.event('closed');
      await peer.closed;
      equal(await stage.client.ended, 0);
      equal(stage.daemon.peers.items.length, 1);
    },
  },
  {
    name: 'ends at once when it is closed while it waits to reconnect',
    rules: [73],
    async run(stage) {
      stage.subscribe('t');
      // After so many failures, the next delay is up to 3.2 s.
      await stage.client.events.take(6, ({ on }) => on === 'waiting');
      const told = performance.now();
      stage.client.tell({ do: 'close' });
      await stage.client.event('closed');
      equal(await stage.client.ended, 0);
      ok(performance.now() - told < 1500, 'it waited out its delay');
    },
  },
  {
    name: 'ends at once when it is closed while the daemon does not answer its registration',
    rules: [73],
    async run(stage) {
      stage.daemon.greets = false;
      await stage.daemon.listen();
      stage.connect();
      const peer = await stage.daemon.peer(1);
      await peer.frame('chimed.register');
      const told = performance.now();
      stage.client.tell({ do: 'close' });
      await stage.client.event('closed');
      equal(await stage.client.ended, 0);
      ok(performance.now() - told < 3000, 'it waited for the answer');
    },
  },
];
