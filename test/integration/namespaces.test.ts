import { describe, expect, test } from 'vitest';

import type { Failing, Registered, Rejection } from '../../src/protocol/messages.ts';
import { startDaemon } from '../helpers/daemon.ts';
import type { RawClient } from '../helpers/raw-client.ts';
import { provide, provider, sentOf, subscriber } from '../helpers/providing.ts';

const provided = { provide: true };

/** Waits until a client is told that it hears these topics. */
async function hears(client: RawClient, ...topics: string[]): Promise<void> {
  await client.frames.find(
    ({ type, data }) =>
      type === 'chimed.registered' &&
      (data as Registered).topics.map(({ topic }) => topic).join(' ') === topics.join(' '),
  );
}

/** The code of the next rejection. */
async function refusal(client: RawClient, from = client.frames.items.length): Promise<Rejection> {
  return (await client.frame('chimed.rejected', from)).data as Rejection;
}

describe.concurrent('a name with wildcards', () => {
  test('stands for topics that come and go, and clients are told what they hear', async () => {
    await using daemon = await startDaemon({ topics: { 'a.>': provided, tick: { publish: true } } });
    using client = await subscriber(daemon, '>');
    const before = (await daemon.status()).topicsRevision!;
    using source = await provider(daemon, 'a.x', 'a.y.z');
    await hears(client, 'tick', 'a.x', 'a.y.z');
    source.send('a.x', 1);
    expect(await client.frame('a.x')).toMatchObject({ data: 1, seq: 1 });
    const { topics, topicsRevision, clients } = await daemon.status();
    expect(topics).toMatchObject([
      { topic: 'tick' },
      { topic: 'a.x', provider: expect.any(Number) },
      { topic: 'a.y.z' },
    ]);
    expect(topicsRevision).toBeGreaterThan(before);
    expect(clients.map(({ provides }) => provides)).toContain(2);
    await source
      .send('chimed.unprovide', { topics: ['a.x'], id: 'out' })
      .frames.find(({ data }) => (data as { id?: string }).id === 'out');
    await hears(client, 'tick', 'a.y.z');
    await provide(source, 'a.x');
    source.send('a.x', 2);
    expect(await client.frames.find(({ type, data }) => type === 'a.x' && data === 2)).toMatchObject({
      seq: 2,
    });
  });

  test('lets clients register for a topic before it exists, and tells them', async () => {
    await using daemon = await startDaemon({ topics: { 'a.>': { ...provided, access: { subscribe: [] } } } });
    using client = await subscriber(daemon, 'a.x');
    expect((await client.frame('chimed.failing')).data).toMatchObject({
      topic: 'a.x',
      error: 'no client provides it',
    });
    expect(client.frames.items.some(({ type }) => type === 'chimed.rejected')).toBe(false);
    using source = await provider(daemon, 'a.x');
    expect((await client.frame('chimed.recovered')).data).toMatchObject({ topic: 'a.x' });
    expect((await source.frame('chimed.wanted')).data).toMatchObject({ topic: 'a.x', seq: 0 });
    await hears(client, 'a.x');
    const from = client.frames.items.length;
    source.send('chimed.unprovide', { topics: ['a.x'] });
    expect(((await client.frame('chimed.failing', from)).data as Failing).error).toBe(
      'no client provides it',
    );
    using knocking = await daemon.raw();
    await knocking.send('a.y').frame('chimed.failing');
    const { code } = await refusal(client.send('chimed.register', { topics: ['b.x'] }));
    expect(code).toBe('unknown-topic');
  });

  test('yields to an exact name, and to a name before it', async () => {
    const topics = { 'a.*': { ...provided, maxTopics: 1 }, 'a.>': provided, 'a.x': { publish: true } };
    await using daemon = await startDaemon({ topics });
    using source = await daemon.raw();
    source.send('chimed.provide', { topics: ['a.x', 'a.one', 'a.two', 'a.two.more', 'b'], id: 1 });
    await source.frame('chimed.provided');
    const refused = source.frames.items.slice(0, -1).map(({ data }) => data as Rejection);
    expect(refused.map(({ topic, code }) => [topic, code])).toEqual([
      ['a.x', 'not-providable'],
      ['a.two', 'too-many-topics'],
      ['b', 'unknown-topic'],
    ]);
    expect(refused[1]!.message).toBe(
      'Too many topics match a.*: limit 1 (maxTopics), and each has a provider or subscribers.',
    );
  });

  test('makes room: the topic goes whose provider has been gone for longest and that nobody hears', async () => {
    const topics = { 'a.>': { ...provided, maxTopics: 3 } };
    await using daemon = await startDaemon({ topics }, { level: 'debug' }); // Which has all lines.
    for (const topic of ['a.heard', 'a.old', 'a.new']) {
      const source = await provider(daemon, topic);
      source[Symbol.dispose]();
      await daemon.log.find(
        ({ msg, topics: gone }) => msg === 'the provider of topics is gone' && String(gone) === topic,
      );
    }
    using client = await subscriber(daemon, 'a.heard');
    using source = await provider(daemon, 'a.more');
    const names = async (): Promise<string[]> => (await daemon.status()).topics.map(({ topic }) => topic);
    expect(await names()).toEqual(['a.heard', 'a.new', 'a.more']);
    await provide(source, 'a.again');
    expect(await names()).toEqual(['a.heard', 'a.more', 'a.again']);
    source.send('chimed.provide', { topics: ['a.last'] });
    expect((await refusal(source)).code).toBe('too-many-topics');
    expect(client.frames.items.some(({ type }) => type === 'chimed.rejected')).toBe(false);
  });

  test('bounds the bytes of all its topics: histories shrink first, then a message is refused', async () => {
    const a = { ...provided, totalBytes: '4KiB', history: 100 };
    await using daemon = await startDaemon({ topics: { 'a.>': a } });
    using client = await subscriber(daemon, 'a.>');
    using source = await provider(daemon, 'a.x', 'a.y');
    for (let number = 0; number < 20; number++) source.send('a.x', 'x'.repeat(1000));
    await client.messages('a.x', 20);
    source.send('a.y', 'y'.repeat(2000));
    await client.frame('a.y');
    source.send('a.x', 'x'.repeat(2500));
    const message =
      'a.x: with this message, the topics that match a.> hold more than 4096 bytes (totalBytes)';
    expect(await refusal(source, 0)).toMatchObject({ code: 'too-large', message, topic: 'a.x' });
    await client.frames.find(
      ({ type, data }) => type === 'chimed.failing' && (data as Failing).error === message,
    );
    source.send('a.x', 'small');
    await client.frames.find(({ data }) => data === 'small');
    expect(await sentOf(client, 'chimed.recovered')).toContainEqual(['chimed.recovered', 'a.x']);
  });

  test('has topics that only some may provide, and hear', async () => {
    await using daemon = await startDaemon({
      topics: { 'a.>': { ...provided, access: { provide: [], subscribe: [] } } },
    });
    using gateway = await daemon.raw();
    const onBehalfOf = { uid: 4242, gid: 4242 };
    await gateway.send('chimed.register', { topics: [], onBehalfOf }).frame('chimed.registered');
    gateway.send('chimed.provide', { topics: ['a.x'] });
    expect(await refusal(gateway)).toMatchObject({
      code: 'not-allowed',
      message: "the user with uid 4242 may not provide a.x; the topic's access.provide says who may",
    });
    gateway.send('chimed.register', { topics: ['a.x'] });
    expect(await refusal(gateway, gateway.frames.items.length)).toMatchObject({ code: 'not-allowed' });
    expect((await daemon.status()).topicCount).toBe(0);
  });
});

describe.concurrent('a reload', () => {
  test('keeps what is provided of what has not changed', async () => {
    const topics = { t: provided, 'a.>': provided };
    await using daemon = await startDaemon({ topics });
    using client = await subscriber(daemon, '>');
    using source = await provider(daemon, 't', 'a.x');
    await daemon.reload({ topics: { ...topics, other: { publish: true } } });
    source.send('t', 1).send('a.x', 2);
    await Promise.all([client.frame('t'), client.frame('a.x')]);
    expect(await sentOf(source, 'chimed.wanted', 'chimed.unwanted', 'chimed.rejected')).toEqual([
      ['chimed.wanted', 't'],
      ['chimed.wanted', 'a.x'],
    ]);
  });

  test('changes topics under their provider, who is told what has changed for it', async () => {
    await using daemon = await startDaemon({ topics: { t: provided, 'a.>': provided } });
    using client = await subscriber(daemon, '>');
    using source = await provider(daemon, 't', 'a.x');
    source.send('t', 1).send('a.x', 1);
    await Promise.all([client.frame('t'), client.frame('a.x')]);
    const always = { ...provided, always: true, maxBytes: '10B' };
    await daemon.reload({ topics: { t: always, 'a.>': always } });
    await client
      .send('chimed.unregister', { topics: ['>'] })
      .frame('chimed.registered', client.frames.items.length);
    const from = source.frames.items.length;
    source.send('a.x', 'more than ten bytes');
    expect((await refusal(source, from)).code).toBe('too-large');
    expect(await sentOf(source, 'chimed.wanted', 'chimed.unwanted')).toEqual([
      ['chimed.wanted', 't'],
      ['chimed.wanted', 'a.x'],
    ]);
    await daemon.reload({ topics: { t: provided, 'a.>': provided } });
    await source.frames.find(
      ({ type, data }) => type === 'chimed.unwanted' && (data as Failing).topic === 'a.x',
    );
  });

  test('moves a topic between an exact name and names with wildcards, with its provider and its numbering', async () => {
    await using daemon = await startDaemon({ topics: { 'a.x': provided } });
    using client = await subscriber(daemon, 'a.x');
    using source = await provider(daemon, 'a.x');
    let seq = 0;
    for (const topics of [{ 'a.*': provided }, { '>': provided, 'a.*': provided }, { 'a.x': provided }]) {
      source.send('a.x', 'before');
      await client.frames.find((frame) => frame.type === 'a.x' && frame.seq === seq + 1);
      await daemon.reload({ topics });
      source.send('a.x', 'after');
      await client.frames.find((frame) => frame.type === 'a.x' && frame.seq === seq + 2);
      seq += 2;
    }
    expect(await sentOf(source, 'chimed.wanted', 'chimed.unwanted', 'chimed.rejected')).toEqual([
      ['chimed.wanted', 'a.x'],
    ]);
    expect(await sentOf(client, 'chimed.rejected')).toEqual([]);
  });

  test('removes topics, and tells the provider and those who hear them', async () => {
    await using daemon = await startDaemon({ topics: { t: provided, 'a.>': provided, 'b.>': provided } });
    using source = await provider(daemon, 't', 'a.x', 'b.x');
    using client = await subscriber(daemon, 't', 'a.x', 'a.none', 'b.x');
    expect(await daemon.reload({ topics: { 'b.>': provided } })).toMatchObject({ removed: ['a.>', 't'] });
    await hears(client, 'b.x');
    for (const [peer, request, names] of [
      [source, 'chimed.provide', ['a.x', 't']],
      [client, 'chimed.register', ['a.none', 'a.x', 't']],
    ] as const) {
      await sentOf(peer);
      const rejections = peer.frames.items.filter(({ type }) => type === 'chimed.rejected');
      expect(rejections.map(({ data }) => (data as Rejection).topic).toSorted()).toEqual(names);
      for (const { data } of rejections) expect(data).toMatchObject({ code: 'unknown-topic', request });
    }
    source.send('t', 1);
    expect((await refusal(source, source.frames.items.length)).code).toBe('not-provided');
  });

  test('takes topics from a provider that may not provide them any more, or that have another source', async () => {
    await using daemon = await startDaemon({ topics: { t: provided, u: provided } });
    using gateway = await daemon.raw();
    const onBehalfOf = { uid: 4242, gid: 4242 };
    await gateway.send('chimed.register', { topics: [], onBehalfOf }).frame('chimed.registered');
    await provide(gateway, 't', 'u');
    using client = await subscriber(daemon, 't', 'u');
    await daemon.reload({ topics: { t: { ...provided, access: { provide: [] } }, u: { publish: true } } });
    await client.frame('chimed.failing');
    await gateway.frames.find(({ data }) => (data as Rejection).topic === 'u' && 'code' in (data as object));
    const rejections = gateway.frames.items.filter(({ type }) => type === 'chimed.rejected');
    expect(rejections.map(({ data }) => data)).toMatchObject([
      { code: 'not-allowed', request: 'chimed.provide', topic: 't' },
      { code: 'not-providable', request: 'chimed.provide', topic: 'u' },
    ]);
    await daemon.reload({ topics: { t: provided, u: provided } });
    await provide(gateway, 'u');
    await client.frames.find(
      ({ type, data }) => type === 'chimed.recovered' && (data as Failing).topic === 'u',
    );
  });

  test('lowers maxTopics: what nobody provides or hears goes first', async () => {
    await using daemon = await startDaemon({ topics: { 'a.>': provided } });
    using source = await provider(daemon, 'a.one', 'a.two');
    (await provider(daemon, 'a.gone'))[Symbol.dispose]();
    await daemon.logged('the provider of topics is gone');
    await daemon.reload({ topics: { 'a.>': { ...provided, maxTopics: 1 } } });
    expect(await refusal(source, 0)).toMatchObject({
      code: 'too-many-topics',
      message: 'a reload lowered maxTopics of a.> to 1',
      topic: 'a.two',
    });
    expect((await daemon.status()).topics.map(({ topic }) => topic)).toEqual(['a.one']);
  });
});

describe.concurrent('a hostile provider', () => {
  const tick = { interval: '20ms', data: 1 };

  test('that provides 50,000 names gets what there is room for, and ticks come', async () => {
    await using daemon = await startDaemon({ topics: { tick, 'a.>': { ...provided, maxTopics: 5000 } } });
    using client = await subscriber(daemon, '>');
    using hostile = await daemon.raw();
    const names = Array.from({ length: 49_000 }, (_, index) => `a.${index}`);
    const from = client.frames.items.length;
    hostile.send('chimed.provide', { topics: names, id: 1 });
    await hostile.frame('chimed.provided');
    await client.frame('tick', from);
    const status = await daemon.status();
    expect(status.topicCount).toBe(5001);
    expect(status.clients.find(({ provides }) => provides)).toMatchObject({ provides: 5000 });
    hostile[Symbol.dispose]();
    await daemon.logged('the provider of topics is gone');
    await client.frame('tick', client.frames.items.length);
  });

  test('that provides and gives up without end keeps nobody from anything, and nothing is left of it', async () => {
    await using daemon = await startDaemon({ topics: { tick, 'a.>': provided } });
    using client = await subscriber(daemon, '>');
    using hostile = await daemon.raw();
    const from = client.frames.items.length;
    const began = performance.now();
    for (let round = 0; round < 5000; round++) {
      hostile.send('chimed.provide', { topics: [`a.${round}`] });
      hostile.send('chimed.unprovide', { topics: [`a.${round}`] });
    }
    await provide(hostile);
    await client.frame('tick', client.frames.items.length);
    expect((await daemon.status()).topicCount).toBe(1);
    const told = client.frames.items.slice(from).filter(({ type }) => type === 'chimed.registered');
    expect(told.length).toBeLessThanOrEqual(1 + (performance.now() - began) / 1000);
  });

  test('that sends what it may not is told each time, and stays alone with it', async () => {
    await using daemon = await startDaemon({
      topics: { tick, t: { ...provided, maxBytes: '1KiB' }, p: { publish: true } },
    });
    using client = await subscriber(daemon, 'tick', 't');
    using hostile = await provider(daemon, 't');
    const payloads = ['tick', 'p', 'none', 'chimed', 't'];
    for (const type of payloads) hostile.send(type, 'x'.repeat(100_000));
    await hostile.frames.take(5, ({ type }) => type === 'chimed.rejected');
    const rejections = hostile.frames.items.filter(({ type }) => type === 'chimed.rejected');
    expect(rejections.map(({ data }) => (data as Rejection).code)).toEqual([
      'not-provided',
      'not-provided',
      'not-provided',
      'bad-type',
      'too-large',
    ]);
    await client.frame('tick', client.frames.items.length);
    hostile.send('t', 'fine');
    expect(await client.frame('t')).toMatchObject({ data: 'fine', seq: 1 });
  });
});
