import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';

import { Delivery } from '../../src/daemon/delivery/delivery.ts';
import { Outbox } from '../../src/daemon/delivery/outbox.ts';
import { newTotals } from '../../src/daemon/totals.ts';
import { Connection } from '../../src/transport/connection.ts';
import { encodeMessage } from '../../src/transport/frames.ts';
import { connectionContext } from '../helpers/connection-context.ts';
import { socketPair } from '../helpers/socket-pair.ts';

const LIMIT = 64 * 1024;
const FILLING = 'x'.repeat(1000);

afterEach(() => {
  vi.useRealTimers();
});

/** A client over a real socket, and what waits for it. */
async function client() {
  const pair = await socketPair();
  const { near, far } = pair;
  const connection = new Connection(1, near, undefined, connectionContext);
  const events: string[] = [];
  const outbox = new Outbox(
    connection,
    new Delivery(),
    { pendingBytes: LIMIT, stallTimeoutMs: 30_000 },
    {
      slow: () => events.push('slow'),
      caughtUp: (skipped) => events.push(`caught up, ${skipped} skipped`),
      stalled: () => events.push('stalled'),
      lost() {},
      changed() {},
    },
    newTotals(),
  );
  connection.open({ readable() {}, expired() {}, closed() {}, hasRoom: () => outbox.hasRoom() });
  const seqs = new Map<string, number>();

  /** Sends the next message of a topic. */
  function send(topic: string, data: unknown = FILLING): Buffer {
    const seq = (seqs.get(topic) ?? 0) + 1;
    seqs.set(topic, seq);
    const frame = encodeMessage(topic, JSON.stringify(data), { seq, time: 0 });
    outbox.message(topic, frame);
    return frame;
  }

  /** Has the client stop reading, and sends messages, each in a turn of its own, until `enough`. */
  async function fill(topic: string, enough = () => events.includes('slow')): Promise<void> {
    far.socket.pause();
    for (; !enough(); await nextTurn()) send(topic);
  }

  /** Waits for so many events. */
  const heard = (count: number) =>
    vi.waitUntil(() => events.length >= count, { interval: 1, timeout: 10_000 });
  return { ...pair, connection, outbox, events, seqs, send, fill, heard };
}

test('a client that reads gets everything, in order', async () => {
  using all = await client();
  for (let seq = 1; seq <= 50; seq++) all.send(seq % 2 === 0 ? 'a' : 'b', seq);
  const frames = await all.far.frames.take(50);
  expect(frames.map(({ data }) => data)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
  expect(all.outbox).toMatchObject({ sent: 50, skipped: 0, pendingBytes: 0 });
  expect(all.events).toEqual([]);
});

describe('for a client that has stopped reading', () => {
  test('a bounded number of bytes waits, however much comes', async () => {
    using all = await client();
    await all.fill('a');
    const { byteLength } = all.send('a');
    for (let count = 0; count < 5000; count++) all.send('b');
    await nextTurn();
    expect(all.connection.pendingBytes).toBeGreaterThan(0);
    expect(all.outbox.pendingBytes).toBeGreaterThanOrEqual(LIMIT);
    expect(all.outbox.pendingBytes).toBeLessThan(LIMIT + byteLength);
    expect(all.events).toEqual(['slow']);
  });

  test('the newest message of each topic follows when it reads again, and the lost ones are counted', async () => {
    using all = await client();
    await all.fill('a');
    for (let count = 0; count < 100; count++) for (const topic of ['c', 'a', 'b']) all.send(topic, count);
    expect(all.outbox.skipped).toBe(3 * 99 + 1); // One of topic a was held back when it became slow.
    all.far.socket.resume();
    await all.heard(2);
    expect(all.events).toEqual(['slow', `caught up, ${all.outbox.skipped} skipped`]);

    const items = await all.far.frames.take(all.outbox.sent);
    expect(items.slice(-3)).toMatchObject(['c', 'a', 'b'].map((type) => ({ type, seq: all.seqs.get(type) })));
    const numbers = items.filter(({ type }) => type === 'a').map(({ seq }) => seq!);
    expect(numbers.slice(0, -1)).toEqual(numbers.slice(0, -1).map((_, index) => index + 1));
    const made = [...all.seqs.values()].reduce((sum, count) => sum + count);
    expect(all.outbox.sent + all.outbox.skipped).toBe(made);
  });

  test('all goes on as before once it has caught up, and the lost are counted afresh', async () => {
    using all = await client();
    await all.fill('a');
    all.send('a');
    all.far.socket.resume();
    await all.heard(2);
    all.send('a', 'and on');
    await all.far.frames.find(({ data }) => data === 'and on');
    await all.fill('a', () => all.events.length > 2);
    all.far.socket.resume();
    await all.heard(4);
    expect(all.events).toEqual(['slow', 'caught up, 1 skipped', 'slow', 'caught up, 0 skipped']);
  });

  test('what is held back is lost, and counted, when the connection ends', async () => {
    using all = await client();
    await all.fill('a');
    all.send('b');
    all.outbox.close();
    expect(all.outbox.skipped).toBe(2);
    expect(all.outbox.pendingBytes).toBe(all.connection.pendingBytes);
  });

  test('the latest notice about each topic follows when it reads again, and none is counted', async () => {
    using all = await client();
    const notice = (topic: string, number: number): void =>
      all.outbox.notice(
        topic,
        encodeMessage('chimed.failing', JSON.stringify([topic, number]), { seq: 1, time: 0 }),
      );
    notice('a', 0);
    await all.fill('a');
    const { skipped } = all.outbox;
    for (let number = 1; number <= 1000; number++) {
      notice('a', number);
      notice('b', number);
    }
    all.outbox.forget('b');
    expect(all.outbox.skipped).toBe(skipped);
    all.far.socket.resume();
    const notices = await all.far.messages('chimed.failing', 2);
    expect(notices.map(({ data }) => data)).toEqual([
      ['a', 0],
      ['a', 1000],
    ]);
    expect(all.far.frames.items.at(-1)).toBe(notices[1]); // After the messages that waited.
  });

  test('an older notice never follows a newer one', async () => {
    using all = await client();
    const notice = (number: number): void =>
      all.outbox.notice('a', encodeMessage('chimed.failing', String(number), { seq: 1, time: 0 }));
    await all.fill('a', () => all.outbox.full);
    notice(1);
    // There is room, and nobody has said so yet.
    vi.spyOn(all.connection, 'pendingBytes', 'get').mockReturnValue(0);
    notice(2);
    vi.restoreAllMocks();
    all.far.socket.resume();
    await all.far.frame('chimed.failing');
    all.send('end');
    await all.far.frame('end');
    const notices = all.far.frames.items.filter(({ type }) => type === 'chimed.failing');
    expect(notices.map(({ data }) => data)).toEqual([2]);
  });

  test('a step of catching up ends one replay at most, with the notice of its topic', async () => {
    using all = await client();
    const nothing = { isOpen: true, next: () => undefined, takeLost: () => 0 };
    for (const topic of ['a', 'b', 'c']) {
      all.outbox.replay(topic, nothing);
      all.outbox.notice(topic, encodeMessage('chimed.failing', JSON.stringify(topic), { seq: 1, time: 0 }));
    }
    const heard: unknown[] = [];
    while (all.outbox.canCatchUp) {
      all.outbox.catchUp();
      await nextTurn();
      const notices = await all.far.messages('chimed.failing', heard.length + 1);
      heard.push(notices.at(-1)!.data);
      expect(notices).toHaveLength(heard.length);
    }
    expect(heard).toEqual(['a', 'b', 'c']);
  });

  test('answers are never skipped; instead, the outbox says that it is full', async () => {
    using all = await client();
    await all.fill('a');
    all.outbox.control(Buffer.from('{"type":"chimed.status"}\f'));
    expect(all.outbox.full).toBe(true);
    all.far.socket.resume();
    await all.far.frame('chimed.status');
    await all.heard(2);
    expect(all.outbox.full).toBe(false);
  });
});

test('what is held back follows even if all that waited was read before the turn had ended', async () => {
  using all = await client();
  await all.fill('a', () => all.connection.pendingBytes > LIMIT / 2);
  vi.useFakeTimers({ toFake: ['setImmediate'] }); // The turn ends when we say so.
  all.send('b', 'y'.repeat(LIMIT / 2));
  all.send('c', 'held back');
  expect(all.events).toEqual(['slow']);
  all.far.socket.resume();
  await all.far.frames.take(all.outbox.sent - 1);
  expect(all.connection.pendingBytes).toBe(0);
  vi.runAllTimers();
  await all.far.frame('b');
  await all.far.frame('c');
});

describe('a client that takes nothing for the stall timeout', () => {
  test('is stalled', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    using all = await client();
    await all.fill('a');
    vi.advanceTimersByTime(29_999);
    expect(all.events).toEqual(['slow']);
    vi.advanceTimersByTime(1);
    expect(all.events).toEqual(['slow', 'stalled']);
  });

  test('is not stalled as long as it takes something', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    using all = await client();
    await all.fill('a');
    const before = all.connection.takenBytes;
    all.far.socket.resume();
    while (all.connection.takenBytes === before) await nextTurn();
    all.far.socket.pause();
    await all.fill('a', () => all.connection.pendingBytes >= LIMIT);
    vi.advanceTimersByTime(30_000);
    expect(all.events).not.toContain('stalled');
    vi.advanceTimersByTime(30_000);
    expect(all.events.at(-1)).toBe('stalled');
  });

  test('is not stalled once nothing waits, or it has gone', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    using all = await client();
    await all.fill('a');
    all.outbox.close();
    vi.advanceTimersByTime(60_000);
    expect(all.events).toEqual(['slow']);
  });
});
