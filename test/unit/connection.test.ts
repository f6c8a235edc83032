import { once } from 'node:events';
import { describe, expect, test } from 'vitest';

import { Delivery } from '../../src/daemon/delivery/delivery.ts';
import { Outbox } from '../../src/daemon/delivery/outbox.ts';
import { newTotals } from '../../src/daemon/totals.ts';
import { sendNow } from '../../src/linux/libc.ts';
import { sendAll } from '../../src/linux/send-all.ts';
import type { Outgoing } from '../../src/linux/send-all.ts';
import { Connection } from '../../src/transport/connection.ts';
import { connectionContext } from '../helpers/connection-context.ts';
import { fdOf, socketPair } from '../helpers/socket-pair.ts';
import type { SocketPair } from '../helpers/socket-pair.ts';

/** A connection to which a delivery sends, at most so many bytes at once, and what it asked the kernel for. */
async function connected(most = Infinity) {
  const pair = await socketPair();
  const taken: number[] = [];
  const spy = (all: readonly Outgoing[]): void => {
    for (const one of all) {
      const { descriptor, bytes } = one;
      const part = { descriptor, bytes: bytes.subarray(0, most), taken: 0 };
      sendAll([part]);
      one.taken = part.taken;
      if (descriptor >= 0) taken.push(part.taken);
    }
  };
  const connection = new Connection(1, pair.near, undefined, connectionContext);
  const delivery = new Delivery(spy);
  const limits = { pendingBytes: Infinity, stallTimeoutMs: 30_000 };
  const listener = { slow() {}, caughtUp() {}, stalled() {}, lost() {}, changed() {} };
  const outbox = new Outbox(connection, delivery, limits, listener, newTotals());
  const send = (bytes: Buffer): void => {
    outbox.message('t', bytes);
    delivery.flush();
  };
  return { ...pair, connection, send, taken };
}

const numbered = (seq: number, bytes: number): Buffer =>
  Buffer.from(`${JSON.stringify({ type: 't', seq, data: 'x'.repeat(bytes) })}\f`);

describe('bytes go past the stream', () => {
  test('while the kernel takes them', async () => {
    using all = await connected();
    all.send(numbered(1, 10));
    expect(all.near.bytesWritten).toBe(0);
    expect(await all.far.frame('t')).toMatchObject({ seq: 1 });
  });

  test('and through it once it takes no more: nothing is lost, doubled or out of order', async () => {
    using all = await connected();
    all.far.socket.pause();
    let seq = 0;
    while (all.connection.pendingBytes < 500_000) all.send(numbered(++seq, 7919));
    const direct = all.taken.length;
    expect(direct).toBeGreaterThan(1);
    expect(all.taken.at(-1)).toBeLessThan(7919); // The last one was taken in part, or not at all.
    all.far.socket.resume();
    await once(all.near, 'drain');
    all.send(numbered(++seq, 10));
    expect(all.taken).toHaveLength(direct + 1);
    const frames = await all.far.messages('t', seq);
    expect(frames.map((frame) => frame.seq)).toEqual(Array.from({ length: seq }, (_, index) => index + 1));
    expect(frames.every(({ data }) => data === 'x'.repeat(String(data).length))).toBe(true);
  });

  test('of which the kernel takes a part: the rest follows', async () => {
    using all = await connected(5);
    all.send(numbered(1, 100));
    all.send(numbered(2, 100));
    const frames = await all.far.messages('t', 2);
    expect(frames.map(({ data }) => data)).toEqual(['x'.repeat(100), 'x'.repeat(100)]);
  });

  test('and what it takes no more waits in the stream', async () => {
    using all = await connected();
    all.far.socket.pause();
    let sent = 0;
    for (; all.connection.pendingBytes < 100_000; sent += 5000) all.send(Buffer.alloc(5000, 0x20));
    const direct = all.taken.reduce((one, other) => one + other);
    const { takenBytes, pendingBytes, writtenBytes } = all.connection;
    expect(direct).toBeGreaterThan(0);
    expect(takenBytes + pendingBytes).toBe(writtenBytes);
    expect(direct + writtenBytes).toBe(sent);
  });
});

test('a socket that has closed, and whose descriptor has gone to another, gets nothing', async () => {
  using all = await connected();
  const fd = fdOf(all.near);
  all.near.destroy();
  await once(all.near, 'close');
  // The kernel gives the lowest number that is free: it will be that one again.
  using strangers = new DisposableStack();
  let stranger: SocketPair;
  do stranger = strangers.use(await socketPair());
  while (![fdOf(stranger.near), fdOf(stranger.far.socket)].includes(fd));
  all.send(numbered(1, 10));
  expect(all.taken).toEqual([]);
  // What would have happened: the stranger's peer hears it.
  const peer = fdOf(stranger.near) === fd ? stranger.far.socket : stranger.near;
  const heard = once(peer, 'data');
  sendNow(fd, numbered(2, 10));
  expect(String(await heard)).toContain('"seq":2');
});

test('a peer that has gone is found out as ever', async () => {
  using all = await connected();
  const failed = new Promise((resolve) => all.near.once('error', resolve));
  all.far.socket.destroy();
  await all.far.closed;
  all.send(numbered(1, 10)); // We have not read, and so do not know.
  expect(all.taken).toEqual([0]);
  expect(await failed).toMatchObject({ code: 'EPIPE' });
  expect(all.connection.ended).toBe(true);
});

test('where there are no such calls, all goes through the stream', async () => {
  using pair = await socketPair();
  const connection = new Connection(1, pair.near, undefined, connectionContext);
  connection.write(numbered(1, 10));
  expect(pair.near.bytesWritten).toBeGreaterThan(0);
  expect(await pair.far.frame('t')).toMatchObject({ seq: 1 });
  expect(connection.peer).toBeUndefined();
});
