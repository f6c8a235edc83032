import { mkdirSync, readdirSync } from 'node:fs';
import type { Server as NetServer } from 'node:net';
import { beforeEach, expect, test } from 'vitest';

import { Server } from '../../src/transport/server.ts';
import { claimSocket } from '../../src/transport/claim-socket.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { Logbook } from '../helpers/logbook.ts';

let folder: Folder;
const logger = new Logbook();

beforeEach(() => {
  folder = temporaryFolder();
  return () => folder[Symbol.dispose]();
});

test('a socket that does not get its place leaves nothing behind and does not listen on', async () => {
  const socketFile = await claimSocket({
    path: folder.file('s'),
    mode: 0o600,
    backlog: 1,
    setting: 'socket.path',
    logger,
  });
  mkdirSync(folder.file('s')); // Nothing is renamed over a directory, and root may do all else.
  let net: NetServer | undefined;
  const server = new Server({
    maxFrameBytes: 1,
    frameTimeoutMs: 1,
    calls: undefined,
    logger,
    refuse: () => undefined,
    accept: () => ({ readable() {}, expired() {}, hasRoom() {}, closed() {} }),
  });
  const listening = server.listen((made) => socketFile.open((net = made)));
  await expect(listening).rejects.toMatchObject({ code: 'cannot-listen' });
  expect(net!.listening).toBe(false);
  expect(readdirSync(folder.path).toSorted()).toEqual(['s', 's.lock']);
  socketFile.release();
});
