import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import { residentKiB } from '../helpers/proc.ts';
import { Program, root } from '../helpers/program.ts';

/** What a server of Node's own takes depends on Node and the machine: 44 to 45 MiB. */
const MORE_THAN_BARE_KIB = 17 * 1024;

test('the daemon takes at most 17 MiB more than a bare server, with a command and a client, too', async () => {
  await using bare = new Program([
    '-e',
    "require('node:net').createServer().listen(0, '127.0.0.1', () => console.log('listening'))",
  ]);
  await bare.stdout.find((line) => line === 'listening');
  const topics = {
    word: { interval: '1s', data: 'hello' },
    load: { interval: '1s', host: 'load' },
    echo: { interval: '1s', command: ['echo', 'hello'] },
  };
  await using daemon = await startDaemon({ topics });
  await using client = daemon.connect();
  const heard = new Set<string>();
  for await (const { topic } of client.listen(Object.keys(topics))) if (heard.add(topic).size === 3) break;

  const more = (): number => residentKiB(daemon.program.pid) - residentKiB(bare.pid);
  await expect.poll(more).toBeLessThan(MORE_THAN_BARE_KIB);
});

test('V8 keeps one byte for each character of the programs and the library, not two', () => {
  const bundles = globSync(['dist/*.js', 'dist/cli/*.js'], { cwd: root });
  expect(bundles).toContain('dist/cli/serve.js');
  const beyondAscii = bundles.filter((file) => /[^\0-\x7f]/.test(readFileSync(join(root, file), 'utf8')));
  expect(beyondAscii).toEqual([]);
});
