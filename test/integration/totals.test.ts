import { expect, test } from 'vitest';

import { LATENESS_BOUNDS_MS } from '../../src/daemon/schedule/lateness.ts';
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
