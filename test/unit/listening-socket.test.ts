import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';

import { loadConfig } from '../../src/config/load.ts';
import { listeningSocket } from '../../src/daemon/listening-socket.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { Logbook } from '../helpers/logbook.ts';

async function warningsFor(socket: object): Promise<Record<string, unknown>[]> {
  using folder = temporaryFolder();
  const file = folder.file('chimed.yaml');
  writeFileSync(file, JSON.stringify({ socket }));
  const logbook = new Logbook();
  await listeningSocket(loadConfig(file, {}), logbook, { fd: 3, path: '/run/s' });
  return logbook.lines.filter(({ level }) => level === 'warn');
}

test('settings of the socket that the file sets and the socket unit overrides are named', async () => {
  const [warning, ...others] = await warningsFor({ path: '/run/other', mode: '0660', group: 'root' });
  expect(others).toEqual([]);
  expect(warning).toMatchObject({
    settings: ['socket.path', 'socket.mode', 'socket.group'],
    use: ['ListenStream=', 'SocketMode=', 'SocketGroup='],
    message: expect.stringContaining('have no effect'),
  });
});

test('defaults, and a backlog, which takes effect, are not', async () => {
  expect(await warningsFor({ backlog: 5 })).toEqual([]);
});
