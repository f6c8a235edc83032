import { deepEqual, ok } from 'node:assert/strict';

import type { DaemonCase } from '../daemon-case.ts';
import type { Data } from '../raw-peer.ts';
import { refuses, saysNothingOf } from './assertions.ts';

const provided = { provide: true };

export const providerFailures: readonly DaemonCase[] = [
  {
    name: 'cuts off the reason of a failure after 1,000 characters',
    rules: [54],
    topics: { 'reason.t': provided },
    async run({ daemon }) {
      const provider = await daemon.provider('reason.t');
      const peer = await daemon.subscriber('reason.t');
      provider.send('chimed.fail', { topic: 'reason.t', error: 'x'.repeat(2000) });
      const { error } = await peer.control('failing');
      ok(String(error).startsWith('x'.repeat(1000)), `it begins with ${String(error).slice(0, 20)}`);
      ok(!String(error).slice(1000).includes('x'), `it has ${String(error).length} characters`);
    },
  },
  {
    name: 'ends a failure with the next message, or if its provider says so',
    rules: [54],
    topics: { 'healed.t': provided },
    async run({ daemon }) {
      const provider = await daemon.provider('healed.t');
      const peer = await daemon.subscriber('healed.t');
      provider.send('chimed.fail', { topic: 'healed.t', error: 'one' }).send('healed.t', 1);
      await peer.frame('healed.t');
      provider.send('chimed.fail', { topic: 'healed.t', error: 'two' });
      provider.send('chimed.fail', { topic: 'healed.t', error: null });
      await peer.frames.take(2, ({ type }) => type === 'chimed.recovered');
      const told = peer.frames.items
        .slice(1)
        .map(({ type, data }) => (data as Data | null)?.['error'] ?? type);
      deepEqual(told, ['one', 'chimed.recovered', 'healed.t', 'two', 'chimed.recovered']);
    },
  },
  {
    name: 'lets no client say that a topic fails which it does not provide',
    rules: [54],
    topics: { 'slander.t': provided },
    async run({ daemon }) {
      await daemon.provider('slander.t');
      const peer = await daemon.subscriber('slander.t');
      const from = peer.frames.items.length;
      peer.send('chimed.fail', { topic: 'slander.t', error: 'no' });
      refuses(await peer.control('rejected', from), 'not-provided', { request: 'chimed.fail' });
      saysNothingOf('slander.t', await peer.settled(from + 1));
    },
  },
];
