import { deepEqual } from 'node:assert/strict';

import type { DaemonCase } from '../daemon-case.ts';
import { has, hasSeqs, refuses, saysNothingOf } from './assertions.ts';

const published = { publish: true };
const user = { uid: 4243, gid: 4243 };

export const reloads: readonly DaemonCase[] = [
  {
    name: 'tells a client of a topic that a reload has removed, and sends the messages of its others',
    rules: [37],
    async run(stage) {
      const daemon = await stage.start({ topics: { stays: published, goes: published } });
      const peer = await daemon.subscriber('stays', 'goes');
      await peer.publish('stays', 1);
      await daemon.reload({ topics: { stays: published } });
      refuses(await peer.control('rejected'), 'unknown-topic', { topic: 'goes' });
      await peer.publish('stays', 2);
      hasSeqs(await peer.messages('stays', 2), 1, 2);
      deepEqual(
        (await peer.register([])).topics.map(({ topic }) => topic),
        ['stays'],
      );
    },
  },
  {
    name: 'tells a client of a topic that a reload has closed to it, and sends it no further messages of that',
    rules: [37],
    async run(stage) {
      const topics = { open: published, closes: published };
      const daemon = await stage.start({ topics });
      const peer = await daemon.onBehalfOf(user, 'open', 'closes');
      const other = await daemon.subscriber('closes');
      await daemon.reload({ topics: { ...topics, closes: { publish: true, access: { subscribe: [] } } } });
      refuses(await peer.control('rejected'), 'not-allowed', { topic: 'closes' });
      const from = (await peer.settled()).length;
      await other.publish('closes', 'secret');
      await other.publish('open', 'public');
      has(await other.frame('closes'), { data: 'secret' });
      await peer.frame('open');
      saysNothingOf('closes', await peer.settled(from));
    },
  },
];
