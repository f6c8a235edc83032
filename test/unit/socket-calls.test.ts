import { closeSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';

import { sendNow } from '../../src/linux/libc.ts';
import { fdOf, socketPair } from '../helpers/socket-pair.ts';

const letter = (text: string): Buffer => Buffer.from(`{"type":"t","data":"${text}"}\f`);

test('a socket that is full, closed or not a socket does not keep the others from their bytes', async () => {
  using full = await socketPair();
  using gone = await socketPair();
  using well = await socketPair();
  full.far.socket.pause();
  const taken = [];
  do taken.push(sendNow(fdOf(full.near), Buffer.alloc(100_000)));
  while (taken.at(-1)! > 0);
  expect(
    taken.some((count) => count > 0 && count < 100_000),
    'the kernel took a part of one',
  ).toBe(true);
  gone.far.socket.destroy();
  await gone.far.closed;
  const [file, closed] = [openSync('/dev/null', 'w'), openSync('/dev/null', 'r')];
  closeSync(closed);
  const fds = [fdOf(full.near), fdOf(gone.near), closed, file, -1, fdOf(well.near)];
  const each = fds.map((fd) => sendNow(fd, letter('hello')));
  closeSync(file);
  expect(each).toEqual([0, 0, 0, 0, 0, letter('hello').length]);
  expect(await well.far.frame('t')).toMatchObject({ data: 'hello' });
});
