import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import type { Folder } from '../helpers/folder.ts';
import { Program, root } from '../helpers/program.ts';

const topics = { message: { interval: '1s', data: 'hello client' } };
const hello = 'received a message from server: hello client';

const ours = join(root, 'test/fixtures/tutorial-client.cjs');
/** The published tutorial's own client, where a copy of it is at hand. */
const published = process.env['CHIMED_TUTORIAL_CLIENT'];

/** A place where `require('node-ipc')` finds the package that we have under another name. */
function modulesWith(folder: Folder, installedAs: string): string {
  const modules = folder.file('node_modules');
  mkdirSync(modules);
  symlinkSync(join(root, 'node_modules', installedAs), join(modules, 'node-ipc'));
  return modules;
}

describe.each(published ? [ours, published] : [ours])('a plain node-ipc client, %s', (client) => {
  test.concurrent.each(['node-ipc', 'node-ipc-10'])(
    'with %s: two hear each second, one ends and comes back',
    async (version) => {
      using folder = temporaryFolder();
      const env = { NODE_PATH: modulesWith(folder, version) };
      await using daemon = await startDaemon({ topics });
      const start = (): Program => new Program([client, daemon.socket], env);
      await using staying = start();
      await staying.stdout.find((line) => line === hello);
      await using first = start();
      await first.stdout.take(2, (line) => line === hello);
      await first.kill('SIGKILL').ended;
      await daemon.logged('client disconnected');
      await using again = start();
      await again.stdout.take(2, (line) => line === hello);
      await staying.stdout.take(4, (line) => line === hello);

      const status = await daemon.status();
      const [one] = status.clients;
      expect(one!.skipped).toBe(0);
      expect(one!.sent).toBe(status.topics[0]!.seq);
    },
  );
});
