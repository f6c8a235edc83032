import { closeSync, openSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { sendNow } from '../../src/linux/libc.ts';
import { sendAll } from '../../src/linux/send-all.ts';
import type { Outgoing } from '../../src/linux/send-all.ts';
import { fdOf, socketPair } from '../helpers/socket-pair.ts';
import type { SocketPair } from '../helpers/socket-pair.ts';

const outgoing = (descriptor: number, bytes: Buffer): Outgoing => ({ descriptor, bytes, taken: 0 });
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

describe('many sockets at once', () => {
  /** More than one system call serves. */
  const MANY = 600;

  test('are sent each its own bytes, and each tells how many were taken', async () => {
    await using opened = new AsyncDisposableStack();
    const pairs = await Promise.all(Array.from({ length: MANY }, socketPair));
    for (const pair of pairs) opened.use(pair);
    const buffers = pairs.map((_, index) => letter('x'.repeat(index % 100)));
    const all = pairs.map(({ near }, index) => outgoing(fdOf(near), buffers[index]!));
    sendAll(all);
    expect(all.map(({ taken }) => taken)).toEqual(buffers.map(({ length }) => length));
    const heard = await Promise.all(pairs.map(({ far }) => far.frame('t')));
    expect(heard.map(({ data }) => String(data).length)).toEqual(pairs.map((_, index) => index % 100));
  });

  test('get theirs beside some that are full, gone or closed, wherever those stand', async () => {
    await using all = new AsyncDisposableStack();
    const pair = async (): Promise<SocketPair> => all.use(await socketPair());
    const [full, gone] = [await pair(), await pair()];
    const well = await Promise.all(Array.from({ length: 40 }, pair));
    gone.far.socket.destroy();
    await gone.far.closed;
    full.far.socket.pause();
    while (sendNow(fdOf(full.near), Buffer.alloc(100_000)) > 0);
    const closed = openSync('/dev/null', 'r');
    closeSync(closed);
    const bad = [fdOf(full.near), fdOf(gone.near), closed, -1];
    const good = well.map(({ near }) => fdOf(near));
    const fds = [...bad, ...good.slice(0, 20), ...bad, ...good.slice(20), ...bad];
    const bytes = letter('hello');
    const sent = fds.map((fd) => outgoing(fd, bytes));
    sendAll(sent);
    expect(sent.map(({ taken }) => taken)).toEqual(fds.map((fd) => (bad.includes(fd) ? 0 : bytes.length)));
    for (const { far } of well) expect(await far.frame('t')).toMatchObject({ data: 'hello' });
  });
});
