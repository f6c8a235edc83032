import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';

import { socketCalls } from '../../src/linux/socket-calls.ts';
import { Server } from '../../src/transport/server.ts';
import { connectionContext } from '../helpers/connection-context.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { Logbook } from '../helpers/logbook.ts';

test('a connection that cannot be accepted is closed, and the next one is accepted', async () => {
  using folder = temporaryFolder();
  const logger = new Logbook();
  const accepted: number[] = [];
  let times = 0;
  const server = new Server({
    ...connectionContext,
    calls: undefined,
    logger,
    refuse: () => undefined,
    accept(connection) {
      if (++times === 1) throw new Error('a mistake of ours');
      accepted.push(connection.id);
      return { readable() {}, expired() {}, hasRoom() {}, closed() {} };
    },
  });
  await server.listen((net) => net.listen(folder.file('s')));
  const first = connect(folder.file('s'));
  await once(first, 'close');
  const second = connect(folder.file('s'));
  await once(second, 'connect');
  while (accepted.length === 0) await new Promise(setImmediate);
  expect(logger.lines).toMatchObject([{ error: 'a mistake of ours' }]);
  second.destroy();
  server.stopAccepting();
});

test('all that wait are accepted together, and not one in each turn of the event loop', async () => {
  using folder = temporaryFolder();
  let accepted = 0;
  const server = new Server({
    ...connectionContext,
    calls: socketCalls,
    refuse: () => undefined,
    accept() {
      accepted++;
      return { readable() {}, expired() {}, hasRoom() {}, closed() {} };
    },
  });
  await server.listen((net) => net.listen(folder.file('s')));
  const peers = Array.from({ length: 200 }, () => connect(folder.file('s')));
  let turns = 0;
  for (; accepted < peers.length; turns++) await new Promise(setImmediate);
  expect(turns).toBeLessThan(peers.length / 2);
  for (const peer of peers) peer.destroy();
  server.stopAccepting();
});
