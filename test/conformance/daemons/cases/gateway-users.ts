import { equal, ok } from 'node:assert/strict';

import type { DaemonCase } from '../daemon-case.ts';
import { whyNoStrangers } from '../daemon-stage.ts';
import type { Data } from '../raw-peer.ts';
import { has, refuses } from './assertions.ts';

const published = { publish: true };
const [ALICE, BOB, GATEWAY] = [4242, 4243, 4400];
const alice = { uid: ALICE, gid: ALICE };
const bob = { uid: BOB, gid: BOB };

/** The daemon listens to every user, one of whom is the gateway's. */
const shared = (user: number = GATEWAY) => ({
  topics: { 'of.open': published },
  socket: { mode: '0666' },
  web: { user: String(user) },
});

export const gatewayUsers: readonly DaemonCase[] = [
  {
    name: 'lets the user of the gateway make requests on behalf of others, and no other user',
    rules: [41, 43],
    impossible: whyNoStrangers,
    async run(stage) {
      const daemon = await stage.start(shared());
      const gateway = stage.stranger(daemon, GATEWAY, 'chimed.register', { topics: [], onBehalfOf: alice });
      has((await gateway.frame('chimed.registered')).data, { onBehalfOf: alice });
      for (const onBehalfOf of [alice, bob, {}]) {
        const stranger = stage.stranger(daemon, BOB, 'chimed.register', { topics: ['of.open'], onBehalfOf });
        const { data } = await stranger.frame('chimed.rejected');
        refuses(data, 'not-allowed', {});
        ok(!('request' in (data as Data)));
        equal(stranger.frames.items.length, 1);
      }
    },
  },
  {
    name: 'closes connections on behalf of others when a reload removes the permission of their gateway',
    rules: [44],
    impossible: whyNoStrangers,
    async run(stage) {
      const daemon = await stage.start(shared());
      const gateway = stage.stranger(daemon, GATEWAY, 'chimed.register', { topics: [], onBehalfOf: alice });
      await gateway.frame('chimed.registered');
      const own = await daemon.onBehalfOf(bob, 'of.open');
      await daemon.reload(shared(GATEWAY + 1));
      const { data } = await gateway.frame('chimed.rejected');
      refuses(data, 'not-allowed', {});
      ok(!('request' in (data as Data)));
      await own.publish('of.open', 1);
      await own.frame('of.open');
    },
  },
];
