import { describe, expect, test } from 'vitest';

import type { Registered } from '../../src/protocol/messages.ts';
import { startDaemon } from '../helpers/daemon.ts';

const every = (interval: string, data: unknown = 1) => ({ interval, data });
const topics = {
  'host.load': every('50ms'),
  'host.disk.root': every('50ms'),
  message: every('50ms', 'hello'),
};

const names = (data: unknown): string[] => (data as Registered).topics.map(({ topic }) => topic).toSorted();

describe.concurrent('a client', () => {
  test('is told what its patterns match before the first message comes', async () => {
    await using daemon = await startDaemon({ topics });
    using client = await daemon.raw();
    client.send('chimed.register', { name: 'probe', topics: ['host.>'] });
    await client.frame('host.disk.root');
    const [first] = client.frames.items;
    expect(first!.type).toBe('chimed.registered');
    expect(names(first!.data)).toEqual(['host.disk.root', 'host.load']);
    expect((await daemon.status()).clients[0]).toMatchObject({ name: 'probe', topics: ['host.>'] });
  });

  test('that registers for * hears one token and no more', async () => {
    await using daemon = await startDaemon({ topics });
    using client = await daemon.raw();
    client.send('chimed.register', { topics: ['host.*'] });
    await client.messages('host.load', 3);
    expect(new Set(client.frames.items.map(({ type }) => type))).toEqual(
      new Set(['chimed.registered', 'host.load']),
    );
  });

  test('that asks for a topic that does not exist is told which do, and keeps the others', async () => {
    await using daemon = await startDaemon({ topics });
    using client = await daemon.raw();
    client.send('chimed.register', { topics: ['nope', 'message'] });
    const { data } = await client.frame('chimed.rejected');
    expect(data).toMatchObject({ code: 'unknown-topic', request: 'chimed.register', topic: 'nope' });
    expect(data).toHaveProperty(
      'message',
      'there is no topic nope; there is host.disk.root, host.load, message',
    );
    await client.messages('message', 2);
  });

  test('may register for a pattern that matches nothing yet', async () => {
    await using daemon = await startDaemon({ topics });
    using client = await daemon.raw();
    client.send('chimed.register', { topics: ['later.>'] });
    expect(names((await client.frame('chimed.registered')).data)).toEqual([]);
    await daemon.reload({ topics: { ...topics, 'later.on': every('50ms') } });
    await client.frame('later.on');
  });

  test('that registers and knocks again and again hears each message once', async () => {
    await using daemon = await startDaemon({ topics });
    using client = await daemon.raw();
    for (let count = 0; count < 20; count++)
      client.send('message').send('chimed.register', { topics: ['message', '>'] });
    const seqs = (await client.messages('message', 5)).map(({ seq }) => seq);
    expect(seqs).toEqual([1, 2, 3, 4, 5]);
  });

  test('hears nothing more of what it unregisters, and all of the rest', async () => {
    await using daemon = await startDaemon({ topics });
    using client = await daemon.raw();
    client.send('chimed.register', { topics: ['message', 'host.*', '>'] });
    await client.frame('host.disk.root');
    client.send('chimed.unregister', { topics: ['>', 'message'] });
    const { data } = await client.frames.find(
      (frame) => frame.type === 'chimed.registered' && names(frame.data).length === 1,
    );
    expect(names(data)).toEqual(['host.load']);
    const { length } = client.frames.items;
    await client.frame('host.load', length);
    await client.frame('host.load', client.frames.items.length);
    expect(new Set(client.frames.items.slice(length).map(({ type }) => type))).toEqual(
      new Set(['host.load']),
    );
  });

  test('is told in a bounded number of answers of what a frame full of patterns cannot have', async () => {
    await using daemon = await startDaemon({ topics, clients: { pendingBytes: '64KiB' } });
    using client = await daemon.raw();
    const patterns = Array.from({ length: 24_000 }, (_, index) => `t${index}.>`);
    client.send('chimed.register', { topics: patterns }).send('chimed.status');
    await client.frame('chimed.status');
    const rejections = client.frames.items.filter(({ type }) => type === 'chimed.rejected');
    expect(rejections.length).toBeLessThan(1000);
    const left = patterns.length - 256 - (rejections.length - 1);
    expect(rejections.map(({ data }) => data)).toContainEqual({
      code: 'too-many-patterns',
      message: `Too many patterns were refused; the remaining ${left} patterns of the request are refused as well.`,
      request: 'chimed.register',
    });
  });

  test('that comes and goes in a loop does not fill the log', async () => {
    await using daemon = await startDaemon({ topics });
    using client = await daemon.raw();
    for (let count = 0; count < 500; count++)
      client
        .send('chimed.register', { topics: ['message'] })
        .send('chimed.unregister', { topics: ['message'] });
    client.send('chimed.status');
    await client.frame('chimed.status');
    const leftOut = await daemon.log.find(
      ({ msg, uid }) => msg.startsWith('log lines were left') && uid !== undefined,
    );
    expect(leftOut['lines']).toBeGreaterThan(400);
    const lines = Map.groupBy(daemon.log.items, ({ msg }) => msg);
    for (const msg of ['client registered', 'topic has its first client', 'topic has lost its last client']) {
      expect(lines.get(msg)!.length).toBeGreaterThanOrEqual(1);
      expect(lines.get(msg)!.length).toBeLessThan(100);
    }
  });

  test('has a bounded number of patterns', async () => {
    await using daemon = await startDaemon({ topics, clients: { maxPatterns: 2 } });
    using client = await daemon.raw();
    client.send('chimed.register', { topics: ['a.>', 'b.>', 'c.>'] });
    expect((await client.frame('chimed.rejected')).data).toMatchObject({ code: 'too-many-patterns' });
    client.frames.items.length = 0;
    client
      .send('chimed.register', { topics: ['a.>', 'b.>'] })
      .send('chimed.register', { topics: ['message'] });
    expect((await client.frame('chimed.rejected')).data).toMatchObject({
      code: 'too-many-patterns',
      topic: 'message',
    });
  });
});

test('one client too many is told so and closed; the others stay, and its place is free when one leaves', async () => {
  await using daemon = await startDaemon({ topics, clients: { max: 2 } });
  using first = await daemon.raw();
  const second = await daemon.raw();
  first.send('message');
  second.send('message');
  await second.frame('message');
  using third = await daemon.raw();
  expect((await third.frame('chimed.rejected')).data).toHaveProperty('code', 'too-many-clients');
  await third.closed;
  second.socket.end();
  await daemon.logged('client disconnected');
  using fourth = await daemon.raw();
  fourth.send('message');
  await fourth.frame('message');
  await first.frame('message', first.frames.items.length);
});

test("one client's leaving does not silence the others", async () => {
  await using daemon = await startDaemon({ topics });
  using staying = await daemon.raw();
  using leaving = await daemon.raw();
  staying.send('message');
  leaving.send('message');
  await leaving.frame('message');
  leaving.socket.destroy();
  await daemon.logged('client disconnected');
  const seqs = (await staying.messages('message', 5)).map(({ seq }) => seq);
  expect(seqs).toEqual([1, 2, 3, 4, 5]);
});
