import { describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import { next, numbers } from '../helpers/next.ts';

const topics = {
  price: { publish: true },
  tick: { interval: '20ms', data: 'tock' },
  rare: { interval: '1h', data: 'rare' },
};

describe.concurrent('a loop that begins where another has just ended', () => {
  test('hears no message twice, also the one that came in between', async () => {
    await using daemon = await startDaemon({ topics });
    await using client = daemon.connect();
    const first = client.listen('price');
    await client.publish('price', 1);
    await next(first, 1);
    // On the wire: the message, the end of the first registration, the second registration.
    const published = client.publish('price', 2);
    await first.return();
    const second = client.listen('price');
    await published;
    await client.publish('price', 3);
    expect(numbers(await next(second, 2))).toEqual([
      [2, 0],
      [3, 0],
    ]);
  });

  test('does not begin with what came when nobody listened any more', async () => {
    await using daemon = await startDaemon({ topics });
    await using client = daemon.connect();
    await using other = daemon.connect();
    const first = client.listen('price');
    await client.publish('price', 1);
    await next(first, 1);
    const published = client.publish('price', 2);
    await first.return();
    await published;
    for (let value = 3; value <= 5; value++) await other.publish('price', value);
    expect(numbers(await next(client.listen('price'), 1))).toEqual([[5, 0]]);
  });
});

describe.concurrent('while the daemon has yet to answer the first registration', () => {
  /** A client that has said its hello to a daemon that is stopped, and a way to let that go on. */
  async function withoutAnswer() {
    const daemon = await startDaemon({ topics });
    await daemon.program.freeze();
    const client = daemon.connect({ name: 'waiting' });
    const tick = client.listen('tick');
    // Connections are made in order: once this one is there, the client's is, and its hello is sent.
    using _later = await daemon.raw();
    expect(client.state.status).toBe('connecting');
    return { daemon, client, tick };
  }

  const registered = async (
    status: ReturnType<Awaited<ReturnType<typeof withoutAnswer>>['client']['status']>,
  ) => (await status).clients.find(({ name }) => name === 'waiting')!.topics;

  test('a loop that begins is registered', async () => {
    const { daemon, client, tick } = await withoutAnswer();
    await using _daemon = daemon;
    await using _client = client;
    client.listen('rare');
    daemon.program.kill('SIGCONT');
    await next(tick, 1);
    expect(await registered(client.status())).toEqual(['tick', 'rare']);
  });

  test('a loop that ends is not registered', async () => {
    const { daemon, client, tick } = await withoutAnswer();
    await using _daemon = daemon;
    await using _client = client;
    await tick.return();
    daemon.program.kill('SIGCONT');
    expect(await registered(client.status())).toEqual([]);
  });
});

test('of more loops than a client may have patterns, those hear that may, and the others say why', async () => {
  await using daemon = await startDaemon({ topics, clients: { maxPatterns: 2 } });
  await using client = daemon.connect();
  const [tick, rare, price] = ['tick', 'rare', 'price'].map((topic) => client.listen(topic));
  await expect(price!.next()).rejects.toMatchObject({ code: 'too-many-patterns' });
  expect((await next(tick!, 1))[0]).toHaveProperty('topic', 'tick');
  expect((await next(rare!, 1))[0]).toHaveProperty('topic', 'rare');
});
