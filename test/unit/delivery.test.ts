import { once } from 'node:events';
import { expect, test, vi } from 'vitest';

import { Delivery } from '../../src/daemon/delivery/delivery.ts';
import { Outbox } from '../../src/daemon/delivery/outbox.ts';
import { newTotals } from '../../src/daemon/totals.ts';
import { sendAll } from '../../src/linux/send-all.ts';
import { Connection } from '../../src/transport/connection.ts';
import { encodeMessage } from '../../src/transport/frames.ts';
import { connectionContext } from '../helpers/connection-context.ts';
import { socketPair } from '../helpers/socket-pair.ts';
import type { SocketPair } from '../helpers/socket-pair.ts';

const delivery = new Delivery();
const limits = { pendingBytes: 1_000_000, stallTimeoutMs: 30_000 };
const listener = { slow() {}, caughtUp() {}, stalled() {}, lost() {}, changed() {} };
const [one, two, three] = [1, 2, 3].map((seq) => encodeMessage('t', '0', { seq, time: 0 })) as [
  Buffer,
  Buffer,
  Buffer,
];

/** A client over a real socket, whose writes are watched. */
async function client(by = delivery) {
  const pair = await socketPair();
  const connection = new Connection(1, pair.near, undefined, connectionContext);
  const outbox = new Outbox(connection, by, limits, listener, newTotals());
  const write = vi.spyOn(pair.near, 'write');
  return { ...pair, connection, outbox, write };
}

test('what one turn brings leaves in one write, and what the next brings in another', async () => {
  using all = await client();
  for (const frame of [one, two, three]) all.outbox.message('t', frame);
  expect(all.write).not.toHaveBeenCalled();
  await all.far.messages('t', 3);
  expect(all.write).toHaveBeenCalledExactlyOnceWith(Buffer.concat([one, two, three]));
  all.outbox.message('t', one);
  await all.far.messages('t', 4);
  expect(all.write).toHaveBeenCalledTimes(2);
});

test('clients that hear the same are written the same bytes, and not copies of them', async () => {
  using left = await client();
  using right = await client();
  using other = await client();
  for (const { outbox } of [left, right]) for (const frame of [one, two]) outbox.message('t', frame);
  for (const frame of [two, three]) other.outbox.message('t', frame);
  delivery.flush();
  const [written] = left.write.mock.calls[0]!;
  expect(right.write.mock.calls[0]![0]).toBe(written);
  expect(other.write.mock.calls[0]![0]).toEqual(Buffer.concat([two, three]));
  const heard = await other.far.messages('t', 2);
  expect(heard.map(({ seq }) => seq)).toEqual([2, 3]);
});

test('what fails for one client costs that client, and the others get theirs', async () => {
  using fails = await client();
  using other = await client();
  vi.spyOn(fails.connection, 'write').mockImplementation(() => {
    throw new Error('a mistake of ours');
  });
  for (const { outbox } of [fails, other]) outbox.message('t', one);
  delivery.flush();
  expect(fails.connection.ended).toBe(true);
  await other.far.messages('t', 1);
});

test('a client for whose frames there is no memory is lost, and the others get theirs', async () => {
  const direct = new Delivery(sendAll);
  using fails = await client(direct);
  using other = await client(direct);
  for (const frame of [one, two]) fails.outbox.message('t', frame);
  other.outbox.message('t', three);
  const concat = vi.spyOn(Buffer, 'concat').mockImplementationOnce(() => {
    throw new Error('no memory');
  });
  direct.flush();
  concat.mockRestore();
  expect(fails.connection.ended).toBe(true);
  await other.far.messages('t', 1);
});

test('one frame alone is written as it is', async () => {
  using left = await client();
  left.outbox.message('t', one);
  delivery.flush();
  expect(left.write.mock.calls[0]![0]).toBe(one);
});

test('a client that goes in the same turn is written nothing, and the others all the same', async () => {
  using goes = await client();
  using stays = await client();
  for (const { outbox } of [goes, stays]) outbox.message('t', one);
  goes.outbox.close();
  await stays.far.messages('t', 1);
  expect(goes.write).not.toHaveBeenCalled();
});

test('a client that goes and is given more in the same turn costs nobody else', async () => {
  using goes = await client();
  using stays = await client();
  for (const { outbox } of [goes, stays]) outbox.message('t', one);
  goes.outbox.close();
  for (const { outbox } of [goes, stays]) outbox.message('t', two);
  delivery.flush();
  await stays.far.messages('t', 2);
  expect(goes.write).not.toHaveBeenCalled();
});

test('who waits for bytes that others were sent at once is charged for all of them', async () => {
  using waits = await client();
  using reads = await client();
  waits.far.socket.pause();
  const large = Buffer.alloc(400_000, 0x20);
  waits.outbox.message('t', large);
  delivery.flush();
  expect(waits.outbox.heldBytes).toBe(large.length);
  for (const { outbox } of [waits, reads]) outbox.message('t', one);
  delivery.flush();
  expect(reads.outbox.heldBytes).toBe(0);
  expect(waits.outbox.heldBytes).toBe(large.length + one.length);
});

test('a client whose connection has ended holds nothing more, though old bytes still wait there', async () => {
  using rejected = await client();
  using other = await client();
  for (const { far } of [rejected, other]) far.socket.pause();
  const large = Buffer.alloc(400_000, 0x20);
  rejected.outbox.message('t', large);
  delivery.flush();
  rejected.connection.reject({ code: 'stalled', message: 'for a test' });
  const more = Buffer.concat([large, one]);
  for (const { outbox } of [rejected, other]) outbox.message('t', more);
  delivery.flush();
  expect(rejected.outbox.heldBytes).toBe(large.length);
  expect(other.outbox.heldBytes).toBe(more.length);
});

test('a client that is let go of while others are charged is not charged again', async () => {
  const [first, second] = [await socketPair(), await socketPair()];
  using _ = first;
  using __ = second;
  const of = ({ near }: SocketPair, changed: () => void): Outbox => {
    const connection = new Connection(1, near, undefined, connectionContext);
    return new Outbox(connection, delivery, limits, { ...listener, changed }, newTotals());
  };
  const goes = of(second, () => {});
  const stays = of(first, () => goes.close()); // As when its user has too much memory.
  for (const { far } of [first, second]) far.socket.pause();
  for (const outbox of [stays, goes]) outbox.message('t', Buffer.alloc(400_000, 0x20));
  delivery.flush();
  expect(stays.heldBytes).toBeGreaterThan(0);
  expect(goes.heldBytes).toBe(0);
});

test('what has left of what a client waited for is let go of, though nothing more is sent to it', async () => {
  const pair = await socketPair();
  using _ = pair;
  const connection = new Connection(1, pair.near, undefined, connectionContext);
  const told = { ...listener, changed: () => outbox.settle() };
  const outbox = new Outbox(connection, delivery, { ...limits, stallTimeoutMs: 20 }, told, newTotals());
  pair.far.socket.pause();
  const frame = Buffer.alloc(10_000, 0x20);
  while (outbox.heldBytes === 0) {
    outbox.message('t', frame);
    delivery.flush();
  }
  pair.far.socket.resume();
  await vi.waitUntil(() => outbox.heldBytes === 0);
});

test('bytes that several wait for are freed when the last of them has read them, or has gone', async () => {
  using reads = await client();
  using goes = await client();
  const frames = [one, two].map((frame) => Buffer.concat([Buffer.alloc(400_000, 0x20), frame]));
  goes.far.socket.pause();
  for (const { outbox } of [reads, goes]) for (const frame of frames) outbox.message('t', frame);
  delivery.flush();
  const written = reads.write.mock.calls[0]![0] as Buffer;
  expect(goes.write.mock.calls[0]![0]).toBe(written);
  await reads.far.messages('t', 2);
  await vi.waitUntil(() => reads.connection.pendingBytes === 0);
  reads.outbox.settle();
  expect(written.length).toBe(Buffer.concat(frames).length);
  const gone = once(goes.near, 'close');
  goes.connection.destroy('test');
  goes.outbox.settle(); // The system may still read them.
  expect(written.length).toBeGreaterThan(0);
  await gone;
  goes.outbox.gone();
  expect(written.length).toBe(0);
});

test('what has left is freed while more waits, and what has left in part is held as a whole', async () => {
  using slow = await client();
  const first = Buffer.alloc(400_000, 0x20);
  const second = Buffer.alloc(400_000, 0x20);
  slow.far.socket.pause();
  for (const frame of [first, second]) {
    slow.outbox.control(frame);
    delivery.flush();
  }
  expect(slow.outbox.heldBytes).toBe(800_000);
  let read = 0;
  const enough = new Promise<void>((resolve) => {
    slow.far.socket.on('data', ({ length }: Buffer) => {
      read += length;
      if (read < first.length) return;
      slow.far.socket.pause();
      resolve();
    });
  });
  slow.far.socket.resume();
  await enough;
  await vi.waitUntil(() => slow.connection.takenBytes > first.length);
  slow.outbox.settle();
  expect(first.length).toBe(0);
  expect(slow.connection.pendingBytes).toBeGreaterThan(0);
  expect(slow.outbox.heldBytes).toBe(second.length);
});
