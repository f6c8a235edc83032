import { expect, test } from 'vitest';

import { LATENESS_BOUNDS_MS } from '../../src/protocol/lateness-bounds.ts';
import type { Status } from '../../src/protocol/status-snapshot.ts';
import { startDaemon } from '../helpers/daemon.ts';

const tick = { interval: '20ms', data: 1, always: true };

test('what is counted only grows: when a client leaves, and when a reload changes or removes a topic', async () => {
  const failing = { interval: '20ms', command: 'exit 1', always: true };
  await using daemon = await startDaemon({ topics: { tick, failing } });
  await using watching = daemon.connect();
  const leaving = await daemon.raw();
  await leaving.send('tick').messages('tick', 5);
  await expect
    .poll(async () => (await watching.status()).totals!.failures, { timeout: 30_000 })
    .toBeGreaterThan(0);
  const before = await watching.status();
  expect(before.totals).toMatchObject({ connections: 2 });
  expect(before.totals!.sent).toBeGreaterThanOrEqual(5);
  expect(before.totals!.messages).toBeGreaterThanOrEqual(5);

  leaving.socket.destroy();
  await daemon.logged('client disconnected');
  await daemon.reload({ topics: { tick: { ...tick, interval: '30ms' } } });
  const after = await watching.status();
  for (const key of Object.keys(before.totals!) as (keyof typeof after.totals & string)[])
    expect(after.totals![key], key).toBeGreaterThanOrEqual(before.totals![key]);

  const ticks = ({ topics }: typeof after): number =>
    topics.find(({ topic }) => topic === 'tick')!.lateness!.counts.reduce((sum, count) => sum + count);
  expect(after.topics[0]!.lateness!.counts).toHaveLength(LATENESS_BOUNDS_MS.length + 1);
  expect(ticks(after)).toBeGreaterThanOrEqual(ticks(before));
});

test('the lateness of a topic, its failures and its last good sample survive a reload that changes its source', async () => {
  const good = { interval: '20ms', command: 'echo 1', always: true, metrics: true };
  await using daemon = await startDaemon({ topics: { t: good, p: { publish: true } } });
  await using client = daemon.connect();
  const topic = async (name = 't') => (await client.status()).topics.find((each) => each.topic === name)!;
  await expect.poll(async () => (await topic()).seq, { timeout: 30_000 }).toBeGreaterThan(3);
  const before = await topic();
  expect(before).toMatchObject({ metrics: true, failingSince: null });
  expect(before).not.toHaveProperty('publishable');
  expect(Date.now() - before.lastGood!).toBeLessThan(30_000);

  await daemon.reload({
    topics: { t: { ...good, command: 'exit 1', metrics: false }, p: { publish: true } },
  });
  await expect.poll(async () => (await topic()).failures, { timeout: 30_000 }).toBeGreaterThan(2);
  const after = await topic();
  before.lateness!.counts.forEach((count, index) =>
    expect(after.lateness!.counts[index]).toBeGreaterThanOrEqual(count),
  );
  expect(after.lateness!.sumMs).toBeGreaterThanOrEqual(before.lateness!.sumMs);
  expect(after).not.toHaveProperty('metrics');
  expect(after.lastGood!).toBeGreaterThanOrEqual(before.lastGood! - 2);
  expect(after.failingSince!).toBeGreaterThan(after.lastGood!);

  expect(await topic('p')).toMatchObject({ publishable: true, lastGood: null });
  await client.publish('p', 1);
  const { lastGood, lastSent } = await topic('p');
  expect(lastGood!).toBeGreaterThanOrEqual(lastSent!);

  await daemon.reload({ topics: { t: good, p: { publish: true } } });
  await expect.poll(async () => (await topic()).failingSince, { timeout: 30_000 }).toBe(null);
  expect((await topic()).failures).toBeGreaterThanOrEqual(after.failures);
});

test('the event loop says what it has done, and how late it is', async () => {
  await using daemon = await startDaemon({ topics: { tick } });
  await using client = daemon.connect();
  const { eventLoop: before } = await client.status();
  await expect
    .poll(async () => (await client.status()).eventLoop!.idleMs, { timeout: 30_000 })
    .toBeGreaterThan(before!.idleMs);
  const { eventLoop: after } = await client.status();
  expect(after!.activeMs).toBeGreaterThan(before!.activeMs);
  expect(after!.lagMs).toBeGreaterThanOrEqual(0);
  expect(after!.lagMs).toBeLessThan(10_000);
});

test('users come with how many clients they have; a later page has none', async () => {
  await using daemon = await startDaemon({ topics: { tick } });
  using client = await daemon.raw();
  using _another = await daemon.raw();
  client.send('chimed.status').send('chimed.status', { after: 'tick' });
  const [first, second] = (await client.frames.take(2, ({ type }) => type === 'chimed.status')) as {
    data: Status;
  }[];
  expect(first!.data.users).toEqual([
    { uid: process.getuid!(), clients: 2, pendingBytes: expect.any(Number) },
  ]);
  expect(second!.data).not.toHaveProperty('users');
});

test('clients come in pages: the first 200, or all if they are wanted', async () => {
  await using daemon = await startDaemon({ topics: { tick } });
  await using client = daemon.connect();
  const raw = await Promise.all(Array.from({ length: 450 }, () => daemon.raw()));
  for (const each of raw) each.send('tick');
  await Promise.all(raw.map((each) => each.messages('tick', 1)));
  const first = await client.status();
  expect([first.clients.length, first.clientCount]).toEqual([200, 451]);
  const { clients } = await client.status({ allClients: true });
  expect(new Set(clients.map(({ id }) => id)).size).toBe(451);
  for (const each of raw) each[Symbol.dispose]();
});
