import { describe, expect, test } from 'vitest';

import type { Registered, Rejection } from '../../src/protocol/messages.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { provide, provider, sendNumbered, sentOf, subscriber } from '../helpers/providing.ts';

const provided = { provide: true };

describe.concurrent('a topic that clients provide', () => {
  test('carries what its provider sends, and the daemon numbers it', async () => {
    await using daemon = await startDaemon({ topics: { t: provided } });
    using source = await provider(daemon, 't');
    using client = await subscriber(daemon, 't');
    expect((await source.frame('chimed.wanted')).data).toEqual({
      topic: 't',
      instance: expect.any(String),
      seq: 0,
    });
    source.send('t', { a: 1 }).send('t', null);
    expect(await client.messages('t', 2)).toMatchObject([
      { data: { a: 1 }, seq: 1, offset: 1 },
      { data: null, seq: 2, offset: 2 },
    ]);
  });

  test('tells its provider once for each change that it is wanted or not', async () => {
    await using daemon = await startDaemon({ topics: { t: provided, awake: { ...provided, always: true } } });
    using source = await provider(daemon, 't', 'awake');
    using one = await subscriber(daemon, 't');
    using two = await subscriber(daemon, '>');
    await one.send('chimed.unregister', { topics: ['t'] }).frame('chimed.registered', 1);
    await two.send('chimed.unregister', { topics: ['>'] }).frame('chimed.registered', 1);
    await source.frame('chimed.unwanted');
    await one.send('chimed.register', { topics: ['t'] }).frame('chimed.registered', 2);
    expect(await sentOf(source, 'chimed.wanted', 'chimed.unwanted')).toEqual([
      ['chimed.wanted', 'awake'],
      ['chimed.wanted', 't'],
      ['chimed.unwanted', 't'],
      ['chimed.wanted', 't'],
    ]);
  });

  test('answers before it says what is wanted, and refuses topic by topic', async () => {
    await using daemon = await startDaemon({ topics: { t: provided, other: { publish: true } } });
    using client = await subscriber(daemon, 't');
    using source = await daemon.raw();
    source.send('chimed.provide', { topics: ['other', 't', 'none'], id: 'x' });
    await source.frame('chimed.wanted');
    expect(source.frames.items.map(({ type, data }) => [type, (data as Rejection).code])).toEqual([
      ['chimed.rejected', 'not-providable'],
      ['chimed.rejected', 'unknown-topic'],
      ['chimed.provided', undefined],
      ['chimed.wanted', undefined],
    ]);
    expect(source.frames.items[0]!.data).toMatchObject({ request: 'chimed.provide', topic: 'other' });
    await client.frame('chimed.recovered');
  });

  test('has one provider: the second is told who the first is', async () => {
    await using daemon = await startDaemon({ topics: { t: provided } });
    using first = await daemon.raw();
    await first.send('chimed.register', { name: 'first', topics: [] }).frame('chimed.registered');
    await provide(first, 't');
    using second = await daemon.raw();
    const { data } = await second.send('chimed.provide', { topics: ['t'] }).frame('chimed.rejected');
    expect(data).toEqual({
      code: 'already-provided',
      message: `t is provided by another client already (client 1, pid ${process.pid}, "first")`,
      request: 'chimed.provide',
      topic: 't',
    });
    const from = second.frames.items.length;
    second.send('t', 'mine');
    expect((await second.frame('chimed.rejected', from)).data).toMatchObject({
      code: 'not-provided',
      request: 't',
      topic: 't',
    });
  });

  test('fails when its provider goes, and recovers when one comes', async () => {
    await using daemon = await startDaemon({ topics: { t: provided } });
    using client = await subscriber(daemon, 't');
    expect((await client.frame('chimed.failing')).data).toMatchObject({ error: 'no client provides it' });
    const source = await provider(daemon, 't');
    source.send('t', 1);
    await client.frame('t');
    let from = client.frames.items.length;
    source[Symbol.dispose]();
    expect((await client.frame('chimed.failing', from)).data).toMatchObject({
      topic: 't',
      error: 'the provider is gone',
    });
    expect((await daemon.logged('the provider of topics is gone'))['topics']).toEqual(['t']);
    using late = await subscriber(daemon, 't');
    expect(await late.frame('t')).toMatchObject({ data: 1, stale: true });
    expect(await daemon.status()).toMatchObject({
      topics: [{ topic: 't', source: 'provide', provider: null, lastError: 'the provider is gone' }],
    });
    from = client.frames.items.length;
    using next = await provider(daemon, 't');
    expect((await client.frame('chimed.recovered', from)).data).toEqual({ topic: 't', failures: 1 });
    expect((await next.frame('chimed.wanted')).data).toMatchObject({ seq: 1 });
    expect(daemon.log.items.some(({ msg }) => msg === 'source is failing')).toBe(false);
  });

  test('fails no more when its provider says so, though no message follows', async () => {
    await using daemon = await startDaemon({ topics: { t: provided } });
    using client = await subscriber(daemon, 't');
    using source = await provider(daemon, 't');
    source.send('t', 1).send('chimed.fail', { topic: 't', error: 'away' });
    expect((await client.frames.find(({ data }) => (data as { error?: string }).error === 'away')).type).toBe(
      'chimed.failing',
    );
    const from = client.frames.items.length;
    source.send('chimed.fail', { topic: 't', error: null });
    expect((await client.frame('chimed.recovered', from)).data).toEqual({ topic: 't', failures: 1 });
    using next = await subscriber(daemon, 't');
    expect(await next.frame('t')).not.toHaveProperty('stale');
    source.send('chimed.fail', { topic: 't', error: 5 });
    expect((await source.frame('chimed.rejected')).data).toMatchObject({ code: 'bad-request' });
  });

  test('fails when its provider says so, or sends what cannot be sent, and the next message heals it', async () => {
    await using daemon = await startDaemon({ topics: { t: { ...provided, maxBytes: '10B' } } });
    using client = await subscriber(daemon, 't');
    using source = await provider(daemon, 't');
    await client.frame('chimed.recovered');
    source.send('chimed.fail', { topic: 't', error: 'x'.repeat(2000) });
    expect((await client.frame('chimed.failing', 2)).data).toMatchObject({
      error: `${'x'.repeat(1000)}…`,
      failures: 1,
    });
    let from = client.frames.items.length;
    source.send('t', 1);
    await client.frame('t', from);
    expect(client.frames.items[from]!.type).toBe('chimed.recovered');
    from = client.frames.items.length;
    source.send('t', 'more than ten bytes');
    const message = 'the payload has more than 10 bytes (maxBytes)';
    expect((await source.frame('chimed.rejected')).data).toEqual({
      code: 'too-large',
      message,
      request: 't',
      topic: 't',
    });
    expect((await client.frame('chimed.failing', from)).data).toMatchObject({ error: message });
  });

  test('is given up, and cannot be sent to then', async () => {
    await using daemon = await startDaemon({ topics: { t: provided } });
    using client = await subscriber(daemon, 't');
    using source = await provider(daemon, 't');
    await source.send('chimed.unprovide', { topics: ['t', 'unknown'], id: 1 }).frame('chimed.provided', 1);
    source.send('t', 1);
    expect((await source.frame('chimed.rejected')).data).toMatchObject({ code: 'not-provided', topic: 't' });
    source.send('chimed.fail', { topic: 't', error: 'x' });
    expect((await source.frame('chimed.rejected', source.frames.items.length)).data).toMatchObject({
      code: 'not-provided',
      request: 'chimed.fail',
    });
    await client.frames.find(({ type }) => type === 'chimed.failing', 2);
    await provide(source, 't');
    source.send('t', 2);
    expect(await client.frame('t')).toMatchObject({ data: 2, seq: 1 });
  });

  test.each([
    [{ seq: 1, time: 1 }, 'needs instance'],
    [{ seq: 1, instance: 'a' }, 'needs time'],
    [{ time: 1, instance: 'a' }, 'needs seq'],
    [{ seq: 2 ** 52 + 1, time: 1, instance: 'a' }, 'needs seq'],
    [{ seq: 1, time: 1e300, instance: 'a' }, 'needs time'],
    [{ seq: 1, time: 1, instance: 'a"b' }, 'needs instance'],
  ])('refuses half a number: %j', async (numbers, message) => {
    await using daemon = await startDaemon({ topics: { t: provided } });
    using source = await provider(daemon, 't');
    source.write(`${JSON.stringify({ type: 't', data: 1, ...numbers })}\f`);
    expect((await source.frame('chimed.rejected')).data).toMatchObject({
      code: 'bad-request',
      message: expect.stringContaining(message),
      topic: 't',
    });
  });

  test('leaves clients that provide nothing their knock, whatever numbers it has', async () => {
    await using daemon = await startDaemon({ topics: { t: provided, u: { publish: true } } });
    using client = await daemon.raw();
    client.write('{"type":"u","data":1,"seq":"x"}\f');
    expect(await daemon.logged('client registered by a knock')).toMatchObject({ topic: 'u' });
  });
});

describe.concurrent('numbers of the origin', () => {
  test('are kept, gaps included, and a number that is not higher is refused', async () => {
    await using daemon = await startDaemon({ topics: { t: provided } });
    using client = await subscriber(daemon, 't');
    using source = await provider(daemon, 't');
    sendNumbered(source, 't', 'origin', 5);
    sendNumbered(source, 't', 'origin', 9);
    sendNumbered(source, 't', 'origin', 9);
    sendNumbered(source, 't', 'second', 1);
    source.send('t', 'own');
    const heard = await client.messages('t', 4);
    expect(heard).toMatchObject([
      { seq: 5, time: 1005, instance: 'origin' },
      { seq: 9, time: 1009, instance: 'origin' },
      { seq: 1, time: 1001, instance: 'second' },
      { seq: 1, data: 'own' },
    ]);
    expect(['origin', 'second']).not.toContain(heard[3]!.instance);
    expect((await source.frame('chimed.rejected')).data).toMatchObject({
      code: 'bad-request',
      message: 't needs seq to be higher than 9, its last one of the instance origin, and it is 9',
    });
  });

  test('are counted exactly by whoever resumes, by seq and by offset', async () => {
    const config = { topics: { t: { ...provided, history: 3 }, plain: { publish: true } } };
    await using daemon = await startDaemon(config);
    using source = await provider(daemon, 't');
    using client = await daemon.raw();
    const { instance } = (await client.send('chimed.register', { topics: ['t'] }).frame('chimed.registered'))
      .data as Registered;
    for (const seq of [2, 10, 20]) sendNumbered(source, 't', 'origin', seq);
    const [, , last] = await client.messages('t', 3);
    client[Symbol.dispose]();
    for (const seq of [30, 40, 41, 60]) sendNumbered(source, 't', 'origin', seq);
    using watcher = await subscriber(daemon, 't');
    await watcher.frames.find(({ seq }) => seq === 60);
    for (const resume of [
      { instance, after: { t: 20 }, instances: { t: 'origin' } },
      { instance, offset: last!.offset },
    ]) {
      using back = await daemon.raw();
      back.send('chimed.register', { topics: ['t'], resume });
      const heard = await back.messages('t', 3);
      expect(heard.map(({ seq }) => seq)).toEqual([40, 41, 60]); // 30 is gone, 21 to 29 and so on never came.
      const [registered] = back.frames.items;
      if ('offset' in resume) expect(registered!.data).toMatchObject({ topics: [{ topic: 't', after: 20 }] });
    }
    const { clients, totals } = await daemon.status();
    expect(clients).toHaveLength(3);
    expect(totals!.skipped).toBe(8); // For each of the two, all four that are gone: nobody knows their numbers any more.
  });

  test('leave the offset without an answer once another instance has begun', async () => {
    await using daemon = await startDaemon({ topics: { t: { ...provided, history: 3 } } });
    using source = await provider(daemon, 't');
    using client = await daemon.raw();
    const { instance } = (await client.send('chimed.register', { topics: ['t'] }).frame('chimed.registered'))
      .data as Registered;
    sendNumbered(source, 't', 'origin', 2);
    const { offset } = await client.frame('t');
    sendNumbered(source, 't', 'second', 7);
    await client.frames.find(({ seq }) => seq === 7);
    using back = await daemon.raw();
    const resume = { instance, offset };
    const { data } = await back.send('chimed.register', { topics: ['t'], resume }).frame('chimed.registered');
    expect((data as Registered).topics).toEqual([{ topic: 't', interval: null, instance: 'second', seq: 7 }]);
  });

  test('survive a restart, with their gaps', async () => {
    const topics = { t: { ...provided, history: 5 }, 'far.>': { ...provided, history: 5 } };
    const first = await startDaemon({ topics, state: { file: 'state.json' } });
    const { folder } = first;
    const source = await provider(first, 't', 'far.away');
    using client = await subscriber(first, '>');
    for (const seq of [3, 4, 8]) sendNumbered(source, 't', 'origin', seq);
    for (const seq of [1, 2 ** 52]) sendNumbered(source, 'far.away', 'origin', seq);
    await client.messages('far.away', 2);
    first.program.kill('SIGTERM');
    await first.program.ended;
    await using second = await startDaemon({ topics, state: { file: 'state.json' } }, { folder });
    using back = await second.raw();
    const { instance } = client.frames.items[0]!.data as Registered;
    const instances = { t: 'origin', 'far.away': 'origin' };
    const resume = { instance, instances, after: { t: 3, 'far.away': 0 } };
    back.send('chimed.register', { topics: ['>'], resume });
    expect((await back.messages('t', 2)).map(({ seq }) => seq)).toEqual([4, 8]);
    expect((await back.messages('far.away', 2)).map(({ seq }) => seq)).toEqual([1, 2 ** 52]);
    using again = await provider(second, 'far.away');
    expect((await again.frame('chimed.wanted')).data).toEqual({
      topic: 'far.away',
      instance: 'origin',
      seq: 2 ** 52,
    });
    again.send('far.away', 'own');
    expect(await back.frames.find(({ data }) => data === 'own')).toMatchObject({ seq: 1 });
    await first[Symbol.asyncDispose]();
  });
});
