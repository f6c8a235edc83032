import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';

import { Delivery } from '../../src/daemon/delivery/delivery.ts';
import { Outbox } from '../../src/daemon/delivery/outbox.ts';
import { newTotals } from '../../src/daemon/totals.ts';
import { Connection } from '../../src/transport/connection.ts';
import { connectionContext } from '../helpers/connection-context.ts';
import { temporaryFolder } from '../helpers/folder.ts';

const KiB = 1024;

/** A thread of its own: it reads once it is told to, also while the test's thread is busy. */
const reader = `
  const { workerData } = require('node:worker_threads');
  const socket = require('node:net').connect(workerData.path);
  const { told, bytes } = workerData;
  socket.once('connect', () => {
    Atomics.wait(told, 0, 0);
    socket.on('data', ({ length }) => {
      Atomics.add(bytes, 0, length);
      Atomics.notify(bytes, 0);
    });
  });
`;
const shared = () => new Int32Array(new SharedArrayBuffer(4));

test('what is held back follows, though the client reads all the rest just before that is written', async () => {
  using folder = temporaryFolder();
  const path = folder.file('s');
  const server = createServer();
  await once(server.listen(path), 'listening');
  const told = shared();
  const bytes = shared();
  const peer = new Worker(reader, { eval: true, workerData: { path, told, bytes } });
  const [socket] = (await once(server, 'connection')) as [Socket];
  const connection = new Connection(1, socket, undefined, connectionContext);
  const heard: string[] = [];
  const outbox = new Outbox(
    connection,
    new Delivery(),
    { pendingBytes: 64 * KiB, stallTimeoutMs: 60_000 },
    {
      slow: () => heard.push('slow'),
      caughtUp: (skipped) => heard.push(`caught up, ${skipped} skipped`),
      stalled: () => heard.push('stalled'),
      lost() {},
      changed() {},
    },
    newTotals(),
  );
  connection.open({ readable() {}, expired() {}, closed() {}, hasRoom: () => outbox.hasRoom() });

  // A little waits in the socket: too little for it to say when it has gone.
  for (; connection.pendingBytes < 24 * KiB; await turn()) outbox.message('filling', Buffer.alloc(4 * KiB));
  expect(socket.writableNeedDrain).toBe(false);
  for (const topic of ['first', 'second', 'held']) outbox.message(topic, Buffer.alloc(20 * KiB));
  expect(heard).toEqual(['slow']);

  // Before this turn of the event loop is over, the client reads all that the kernel has.
  Atomics.store(told, 0, 1);
  Atomics.notify(told, 0);
  const { takenBytes } = connection;
  for (let read = 0; read < takenBytes; read = Atomics.load(bytes, 0)) Atomics.wait(bytes, 0, read);
  const all = takenBytes + connection.pendingBytes + 60 * KiB;
  while (Atomics.load(bytes, 0) < all) await turn();
  expect(heard).toEqual(['slow', 'caught up, 0 skipped']);

  await peer.terminate();
  socket.destroy();
  server.close();
});
