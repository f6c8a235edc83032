import { describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';

const clients = { pendingBytes: '64KiB', stallTimeout: '60s' };

const statusOf = async (daemon: TestDaemon, name: string) =>
  (await daemon.status()).clients.find((client) => client.name === name)!;

/** Waits until more waits for a client than may: it has asked, and does not read. */
async function stuck(daemon: TestDaemon, name: string): Promise<void> {
  while ((await statusOf(daemon, name)).pendingBytes < 64 * 1024);
}

/** A client that has registered under a name for some topics, and then stops reading. */
async function frozenClient(daemon: TestDaemon, name: string) {
  const client = await daemon.raw();
  await client.send('chimed.register', { name, topics: [] }).frame('chimed.registered');
  client.socket.pause();
  return client;
}

describe('the memory that a client can cost is bounded, though', () => {
  const names = (count: number) => Array.from({ length: count }, (_, index) => `a.topic.number.${index}`);
  const topics = Object.fromEntries(names(500).map((name) => [name, { interval: '1h', data: 1 }]));
  const many = (type: string, data: object) => `${JSON.stringify({ type, data })}\f`.repeat(1000);
  const MiB = 1024 ** 2;

  /** A client that wrote this and does not read must cost no more than a little. */
  async function expectCheap(
    requests: string,
    settled: (daemon: TestDaemon, name: string) => Promise<unknown>,
  ) {
    await using daemon = await startDaemon({ topics, clients });
    const before = (await daemon.status()).memoryBytes;
    using asking = await frozenClient(daemon, 'asking');
    asking.write(requests);
    await settled(daemon, 'asking');
    expect((await statusOf(daemon, 'asking')).pendingBytes).toBeLessThan(8 * MiB);
    expect((await daemon.status()).memoryBytes - before).toBeLessThan(64 * MiB);
  }

  test.each([
    ['its status', many('chimed.status', {})],
    ['its registrations', many('chimed.register', { topics: ['>'] })],
  ])('it asks for %s a thousand times at once', async (_, requests) => {
    await expectCheap(requests, stuck);
  });

  test('it asks for 20,000 topics that do not exist', async () => {
    const unknown = names(20_500).slice(500);
    const request = { type: 'chimed.register', data: { topics: unknown } };
    await expectCheap(`${JSON.stringify(request)}\f`, (daemon) =>
      daemon.log.find(({ msg, name }) => name === 'asking' && msg.startsWith('rejected: ')),
    );
  });
});

describe.concurrent('a client that reads late', () => {
  test('gets all the answers, though a request was cut in two while the daemon did not read it', async () => {
    const tick = { interval: '10ms', data: 1 };
    await using daemon = await startDaemon({
      topics: { tick },
      clients: { ...clients, frameTimeout: '100ms' },
    });
    using other = await daemon.raw();
    using late = await frozenClient(daemon, 'late');
    const requests = 20_000;
    late.write('{"type":"chimed.status"}\f'.repeat(requests));
    await stuck(daemon, 'late');
    // Longer than a frame may take, by the daemon's own clock.
    await other.send('tick').messages('tick', 30);
    late.socket.resume();
    await Promise.race([late.frames.take(requests + 1), late.closed]);
    expect(late.frames.items.filter(({ type }) => type === 'chimed.status')).toHaveLength(requests);
  });

  test('is not cut off as long as it reads', async () => {
    const big = { interval: '10ms', data: 'x'.repeat(16 * 1024) };
    const topics = { big, tick: { interval: '10ms', data: 1 } };
    await using daemon = await startDaemon({ topics, clients: { ...clients, stallTimeout: '1s' } });
    using other = await daemon.raw();
    other.send('tick');
    using late = await daemon.raw();
    await late.send('chimed.register', { name: 'late', topics: ['big'] }).frame('big');
    // As much at a time as the kernel keeps for it, and less than comes meanwhile: the kernel tells the
    // daemon that it may write again only when most of it is gone.
    let bytes = 0;
    late.socket.on('data', (text: string) => {
      bytes += text.length;
      if (bytes > 160 * 1024) late.socket.pause();
    });
    for (let count = 1; count <= 16; count++) {
      await other.messages('tick', 12 * count);
      bytes = 0;
      late.socket.resume();
    }
    await daemon.log.find(({ msg, name }) => name === 'late' && msg.startsWith('client is slow'));
    expect(daemon.log.items.map(({ msg }) => msg)).not.toContain('client is stalled: it is disconnected');
    expect(await statusOf(daemon, 'late')).toBeDefined();
  });
});

test('a client that goes in the middle of its answers registers for nothing afterwards', async () => {
  await using daemon = await startDaemon({ topics: { tick: { interval: '10ms', data: 1 } }, clients });
  const status = '{"type":"chimed.status"}\f'.repeat(1500);
  for (let count = 1; count <= 20; count++) {
    using going = await frozenClient(daemon, `going ${count}`);
    going.write(`${status}{"type":"tick"}\f`);
    await stuck(daemon, `going ${count}`);
    // It reads some of what waits, so that the daemon goes on with what it was asked, and is gone.
    going.socket.resume();
    await going.frames.take(400 + 20 * count);
    going.socket.destroy();
    while (await statusOf(daemon, `going ${count}`)); // Until it has left.
  }
  expect((await daemon.status()).topics[0]).toMatchObject({ clients: 0, awake: false });
});

test('a status of more patterns than a client may have is refused, and one pattern many times counts once', async () => {
  const topics = Object.fromEntries(
    Array.from({ length: 50 }, (_, index) => [`t${index}`, { interval: '1h', data: 1 }]),
  );
  await using daemon = await startDaemon({ topics });
  using client = await daemon.raw();
  client.send('chimed.status', { topics: Array.from({ length: 40_000 }, () => '>') });
  expect((await client.frame('chimed.rejected')).data).toMatchObject({
    code: 'too-many-patterns',
    request: 'chimed.status',
  });
  client.send('chimed.status', { topics: Array.from({ length: 200 }, () => '>'), id: 7 });
  expect((await client.frame('chimed.status')).data).toMatchObject({ id: 7, topicCount: 50 });
});
