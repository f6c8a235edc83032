import { closeSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';

import { sendByRing as send } from '../helpers/send-by-ring.ts';
import { fdOf, socketPair } from '../helpers/socket-pair.ts';

const letter = (text: string): Buffer => Buffer.from(`{"type":"t","data":"${text}"}\f`);

test.skipIf(!send)(
  'more sockets than one call carries each get their own bytes, time after time',
  async () => {
    await using pairs = new AsyncDisposableStack();
    const all = await Promise.all(Array.from({ length: 600 }, () => socketPair()));
    for (const pair of all) pairs.use(pair);
    const fds = all.map(({ near }) => fdOf(near));
    const rounds = 5;
    for (let round = 0; round < rounds; round++) {
      const bytes = fds.map((_, index) => letter(index % 2 === 0 ? `all ${round}` : `${index} ${round}`));
      const taken = send!(fds, bytes);
      expect(Array.from(taken)).toEqual(bytes.map(({ length }) => length));
    }
    for (const [index, { far }] of all.entries()) {
      const heard = await far.messages('t', rounds);
      const who = index % 2 === 0 ? 'all' : String(index);
      expect(heard.map(({ data }) => data)).toEqual([0, 1, 2, 3, 4].map((round) => `${who} ${round}`));
    }
  },
);

test.skipIf(!send)('who has no room, has gone, or never was, costs nobody else his bytes', async () => {
  using full = await socketPair();
  using gone = await socketPair();
  using well = await socketPair();
  full.far.socket.pause();
  const taken = [];
  do taken.push(send!([fdOf(full.near)], [Buffer.alloc(100_000)])[0]!);
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
  const letters = fds.map(() => letter('hello'));
  const each = Array.from(send!(fds, letters));
  closeSync(file);
  expect(each).toEqual([0, 0, 0, 0, 0, letter('hello').length]);
  expect(await well.far.frame('t')).toMatchObject({ data: 'hello' });
});
