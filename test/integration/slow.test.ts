import { expect, test, vi } from 'vitest';

import type { Frame } from '../../src/protocol/messages.ts';
import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import type { RawClient } from '../helpers/raw-client.ts';

const text = 'x'.repeat(8 * 1024);
const topics = { big: { interval: '10ms', data: text }, small: { interval: '10ms', data: 1 } };
const clients = { pendingBytes: '64KiB', stallTimeout: '60s' };

const seqs = (client: RawClient, topic: string): number[] =>
  client.frames.items.filter(({ type }) => type === topic).map(({ seq }) => seq!);

const missed = (numbers: number[]): number => numbers.at(-1)! - numbers[0]! + 1 - numbers.length;

/** Connects a client that registers and then reads nothing more, and waits until the daemon says that it is slow. */
async function frozenClient(daemon: TestDaemon): Promise<RawClient> {
  const frozen = await daemon.raw();
  frozen.send('chimed.register', { name: 'frozen', topics: ['>'] });
  await frozen.frame('big');
  frozen.socket.pause();
  await daemon.log.find(({ msg, name }) => name === 'frozen' && msg.startsWith('client is slow'));
  return frozen;
}

async function statusOf(daemon: TestDaemon, name: string) {
  const { clients: all } = await daemon.status();
  return all.find((client) => client.name === name);
}

test('a client that stops reading loses messages, exactly as many as are counted, and nobody else loses any', async () => {
  await using daemon = await startDaemon({ topics, clients });
  using healthy = await daemon.raw();
  healthy.send('chimed.register', { name: 'healthy', topics: ['>'] });
  using frozen = await frozenClient(daemon);

  const during = healthy.frames.items.length;
  const after = seqs(healthy, 'big').at(-1)! + 30;
  await healthy.frames.find(({ type, seq }) => type === 'big' && seq === after, during);
  const { skipped, pendingBytes } = (await statusOf(daemon, 'frozen'))!;
  expect(skipped).toBeGreaterThan(10);
  expect(pendingBytes).toBeLessThan(64 * 1024 + 2 * text.length);
  expect((await statusOf(daemon, 'healthy'))!.skipped).toBe(0);

  frozen.socket.resume();
  const { skipped: lost } = await daemon.logged('client has caught up');
  const fresh = seqs(healthy, 'big').at(-1)!;
  await frozen.frames.find(({ type, seq }: Frame) => type === 'big' && seq! > fresh + 2);
  await frozen.frames.find(({ type, seq }: Frame) => type === 'small' && seq! > fresh + 2);
  expect(missed(seqs(frozen, 'big')) + missed(seqs(frozen, 'small'))).toBe(lost);
  expect((await statusOf(daemon, 'frozen'))!.skipped).toBe(lost);
  for (const topic of ['big', 'small']) {
    expect(missed(seqs(healthy, topic))).toBe(0);
    const numbers = seqs(frozen, topic);
    expect(numbers, 'in order, never twice').toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  }
});

test('a client that takes nothing for the stall timeout is cut off', async () => {
  await using daemon = await startDaemon({ topics, clients: { ...clients, stallTimeout: '200ms' } });
  using healthy = await daemon.raw();
  healthy.send('big');
  using frozen = await frozenClient(daemon);
  await daemon.logged('client is stalled: it is disconnected');
  expect(await daemon.logged('client disconnected')).toMatchObject({ name: 'frozen', reason: 'stalled' });
  frozen.socket.resume();
  await frozen.closed;
  await healthy.frame('big', healthy.frames.items.length);
  expect(missed(seqs(healthy, 'big'))).toBe(0);
});

test('a client that asks and does not read is not read from either', async () => {
  await using daemon = await startDaemon({ topics: { big: topics.big, inbox: { publish: true } }, clients });
  using asking = await daemon.raw();
  asking.send('chimed.register', { name: 'asking', topics: [] });
  await asking.frame('chimed.registered');
  asking.socket.pause();
  const requests = '{"type":"chimed.status"}\f'.repeat(1000);
  // Once the daemon reads no more, what we write stays with us.
  while (asking.socket.write(requests)) await new Promise((resolve) => setImmediate(resolve));
  expect(asking.socket.writableLength).toBeGreaterThan(0);
  using healthy = await daemon.raw();
  await healthy.send('big').messages('big', 5);
  const pending = async (): Promise<number> => (await statusOf(daemon, 'asking'))!.pendingBytes;
  await vi.waitUntil(async () => (await pending()) > 64 * 1024, { timeout: 30_000 });
  await healthy.messages('big', 10);
  const pendingBytes = await pending();
  expect(pendingBytes, 'one chunk of requests and its answers').toBeLessThan(8 * 1024 * 1024);
});
