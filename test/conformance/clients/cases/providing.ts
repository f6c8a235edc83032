import { deepStrictEqual, equal, ok } from 'node:assert/strict';

import type { Case } from '../case.ts';
import { nested } from '../payloads.ts';
import type { Peer } from '../peer.ts';
import type { Stage } from '../stage.ts';

/** Has the client provide topics, and accepts that. */
async function provided(stage: Stage, ...topics: string[]): Promise<Peer> {
  await stage.daemon.listen();
  stage.connect();
  for (const topic of topics) stage.client.tell({ do: 'provide', topic });
  const peer = await stage.daemon.peer(1);
  await accepted(peer, topics);
  return peer;
}

/** Answers all requests to provide until these topics were asked for. */
async function accepted(peer: Peer, topics: readonly string[]): Promise<void> {
  const missing = new Set(topics);
  for (let from = 0; missing.size > 0; from++) {
    const [frame] = await peer.frames.take(1, () => true, from);
    if (frame!.type !== 'chimed.provide') continue;
    const { topics: asked, id } = frame!.data as { topics: string[]; id?: number };
    for (const topic of asked) missing.delete(topic);
    if (id !== undefined) await peer.control('provided', { id });
  }
}

async function want(stage: Stage, peer: Peer, topic: string): Promise<void> {
  const from = stage.client.events.items.length;
  await peer.control('wanted', { topic, instance: 'one', seq: 0 });
  await stage.client.event('wanted', { topic }, from);
}

export const providing: readonly Case[] = [
  {
    name: 'provides a topic while it has subscribers',
    rules: [45, 47, 48, 49],
    needs: 'provide',
    async run(stage) {
      const peer = await provided(stage, 'feed');
      await want(stage, peer, 'feed');
      const data = { text: 'é€😀' };
      stage.client.tell({ do: 'send', topic: 'feed', data });
      const sent = await peer.frame('feed');
      deepStrictEqual([sent.data, sent['seq'] ?? null], [data, null]);
      await peer.control('unwanted', { topic: 'feed' });
      await stage.client.event('unwanted', { topic: 'feed' });
    },
  },
  {
    name: 'provides its topics again after it has reconnected',
    rules: [57, 70],
    needs: 'provide',
    async run(stage) {
      const peer = await provided(stage, 'feed', 'other');
      await want(stage, peer, 'feed');
      peer.cut();
      await stage.client.event('unwanted', { topic: 'feed' });
      const next = await stage.daemon.peer(2);
      await accepted(next, ['feed', 'other']);
      equal(next.frames.items[0]!.type, 'chimed.register');
      await want(stage, next, 'feed');
      stage.client.tell({ do: 'send', topic: 'feed', data: 2 });
      equal((await next.frame('feed')).data, 2);
    },
  },
  {
    name: 'reports a topic that it is not allowed to provide, and provides the others',
    rules: [46],
    needs: 'provide',
    async run(stage) {
      await stage.daemon.listen();
      stage.connect();
      for (const topic of ['taken', 'feed']) stage.client.tell({ do: 'provide', topic });
      const peer = await stage.daemon.peer(1);
      const missing = new Set(['taken', 'feed']);
      for (let from = 0; missing.size > 0; from++) {
        const [frame] = await peer.frames.take(1, () => true, from);
        if (frame!.type !== 'chimed.provide') continue;
        const { topics, id } = frame!.data as { topics: string[]; id?: number };
        if (topics.includes('taken')) await refuse(peer, id);
        for (const topic of topics) missing.delete(topic);
        if (id !== undefined) await peer.control('provided', { id });
      }
      await stage.client.event('unprovided', { topic: 'taken', code: 'already-provided' });
      await want(stage, peer, 'feed');
      stage.client.tell({ do: 'send', topic: 'feed', data: 1 });
      equal((await peer.frame('feed')).data, 1);
    },
  },
  {
    name: 'asks again for a topic that its former connection still seems to provide',
    rules: [46, 70],
    needs: 'provide',
    async run(stage) {
      const peer = await provided(stage, 'taken');
      peer.cut();
      const next = await stage.daemon.peer(2);
      const { id } = (await next.request('provide')) as { id?: number };
      const from = next.frames.items.length;
      await refuse(next, id);
      if (id !== undefined) await next.control('provided', { id });
      const again = (await next.request('provide', from)) as { topics: string[]; id?: number };
      deepStrictEqual(again.topics, ['taken']);
      if (again.id !== undefined) await next.control('provided', { id: again.id });
      await want(stage, next, 'taken');
      equal(stage.client.count('unprovided'), 0);
      stage.client.tell({ do: 'send', topic: 'taken', data: 1 });
      equal((await next.frame('taken')).data, 1);
    },
  },
  {
    name: 'does not send a message that has too many bytes, values or levels for the daemon',
    rules: [6, 69],
    needs: 'provide',
    async run(stage) {
      stage.daemon.frameBytes = 200_000;
      const peer = await provided(stage, 'feed');
      await want(stage, peer, 'feed');
      const zeros = Array.from({ length: 60_000 }, () => 0);
      for (const data of ['x'.repeat(300_000), zeros, nested(70), 'small'])
        stage.client.tell({ do: 'send', topic: 'feed', data });
      const { data } = await peer.frame('feed');
      ok(data === 'small', 'it sent a message that the daemon does not accept'); // A list of 60,000 zeros takes assert minutes to print.
      equal(stage.daemon.peers.items.length, 1);
    },
  },
  {
    name: 'sends nothing more of a topic that a reload takes away',
    rules: [58],
    needs: 'provide',
    async run(stage) {
      const peer = await provided(stage, 'feed', 'other');
      await want(stage, peer, 'feed');
      await want(stage, peer, 'other');
      await peer.reject('provide', {
        code: 'unknown-topic',
        message: 'there is no topic feed',
        topic: 'feed',
      });
      await stage.client.event('unprovided', { topic: 'feed', code: 'unknown-topic' });
      stage.client.tell({ do: 'send', topic: 'feed', data: 1 });
      stage.client.tell({ do: 'send', topic: 'other', data: 2 });
      await peer.frame('other');
      equal(
        peer.frames.items.some(({ type }) => type === 'feed'),
        false,
      );
    },
  },
  {
    name: 'says why a topic fails, and that it does no more',
    rules: [54],
    needs: 'provide',
    async run(stage) {
      const peer = await provided(stage, 'feed');
      await want(stage, peer, 'feed');
      stage.client.tell({ do: 'fail', topic: 'feed', error: 'the sensor is gone' });
      deepStrictEqual(await peer.request('fail'), { topic: 'feed', error: 'the sensor is gone' });
      stage.client.tell({ do: 'send', topic: 'feed', data: 1 });
      await peer.frame('feed');
    },
  },
  {
    name: 'gives up a topic, and does not provide it again',
    rules: [56, 70],
    needs: 'provide',
    async run(stage) {
      const peer = await provided(stage, 'feed', 'other');
      stage.client.tell({ do: 'unprovide', topic: 'feed' });
      const { topics, id } = (await peer.request('unprovide')) as { topics: string[]; id?: number };
      deepStrictEqual(topics, ['feed']);
      if (id !== undefined) await peer.control('provided', { id });
      peer.cut();
      const next = await stage.daemon.peer(2);
      await accepted(next, ['other']);
      await want(stage, next, 'other');
      const all = next.frames.items.filter(({ type }) => type === 'chimed.provide');
      equal(
        all.some(({ data }) => (data as { topics: string[] }).topics.includes('feed')),
        false,
      );
    },
  },
];

async function refuse(peer: Peer, id: number | undefined): Promise<void> {
  await peer.reject('provide', {
    code: 'already-provided',
    message: 'client 1 provides it',
    topic: 'taken',
    ...(id !== undefined && { id }),
  });
}
