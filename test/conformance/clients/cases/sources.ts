import { deepStrictEqual } from 'node:assert/strict';

import type { Case } from '../case.ts';
import { expectNumbers } from '../expect.ts';

export const sources: readonly Case[] = [
  {
    name: 'reports that the source of a topic fails, and that it has recovered',
    rules: [4],
    async run(stage) {
      const peer = await stage.subscribed('t');
      await peer.message('t', 1);
      await peer.control('failing', { topic: 't', error: 'no such file', since: 5, failures: 1 });
      await peer.control('failing', { topic: 't', error: 'permission denied', since: 5, failures: 4 });
      await peer.control('recovered', { topic: 't', failures: 6 });
      await peer.message('t', 2);
      expectNumbers(await stage.client.messages(2), [
        [1, 0],
        [2, 0],
      ]);
      await stage.client.event('failing', { topic: 't', error: 'no such file' });
      await stage.client.event('failing', { topic: 't', error: 'permission denied' });
      await stage.client.event('recovered', { topic: 't' });
      const order = stage.client.events.items
        .map(({ on }) => on)
        .filter((on) => on === 'failing' || on === 'recovered');
      deepStrictEqual(order, ['failing', 'failing', 'recovered']);
    },
  },
];
