import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';

import { duplicate } from '../../src/linux/libc.ts';
import { bidFarewell } from '../../src/transport/farewell.ts';
import { adopt } from '../../src/transport/sockets.ts';
import { fdOf, socketPair } from '../helpers/socket-pair.ts';

const READ_BYTES = 8192;
const rejection = { code: 'too-fast', message: 'Not now.' } as const;

test('peers that are refused, and go on sending, are read from a little at a time', async () => {
  using all = new DisposableStack();
  const pairs = await Promise.all(Array.from({ length: 20 }, socketPair));
  for (const pair of pairs) all.use(pair);
  const bytes = Buffer.alloc(100_000, 0x20);
  const sockets = pairs.map(({ near, far }) => {
    const socket = all.adopt(adopt(duplicate(fdOf(near))), (open) => void open.destroy());
    near.destroy();
    far.socket.write(bytes);
    bidFarewell(socket, rejection);
    return socket;
  });
  const read = (): number => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  let most = 0;
  for (let before = read(); before < pairs.length * bytes.length;) {
    await nextTurn();
    const now = read();
    most = Math.max(most, now - before);
    before = now;
  }
  // The first read of each comes as soon as it is refused; then there are four a turn.
  expect(most).toBeLessThanOrEqual(pairs.length * READ_BYTES);
  for (const { far } of pairs) expect(await far.frame('chimed.rejected')).toMatchObject({ data: rejection });
});

test('a peer that is refused in the middle of writing is not cut off before it has read why', async () => {
  using pair = await socketPair();
  const { near, far } = pair;
  const written = new Promise((resolve) => far.socket.write(Buffer.alloc(5_000_000), resolve));
  bidFarewell(near, rejection);
  expect(await far.frame('chimed.rejected')).toMatchObject({ data: rejection });
  expect(await written).toBeFalsy();
  far.socket.destroy();
  await once(near, 'close');
});
