import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import type { TestDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { cli, root } from '../helpers/program.ts';

const run = promisify(execFile);
const folder = temporaryFolder();
const topics = {
  tick: { interval: '1s', data: 'tock' },
  module: { interval: '1s', module: 'ten.mjs', timeout: '30s' },
  command: { interval: '1s', command: 'echo 20' },
  news: { publish: true },
};
let daemon: TestDaemon;
const chimed = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  run(process.execPath, [cli, ...args, '--socket', daemon.socket]);

beforeAll(async () => {
  writeFileSync(folder.file('ten.mjs'), 'export default () => 10;');
  daemon = await startDaemon({ topics }, { folder });
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

test.each([
  ['an ES module', '--input-type=module', `import { connect } from '${root}/dist/index.js';`],
  ['CommonJS', '--input-type=commonjs', `const { connect } = require('${root}/dist/index.js');`],
])('the built library listens from %s, without a warning', async (_, type, importing) => {
  const code = `${importing}
    const client = connect({ socket: ${JSON.stringify(daemon.socket)} });
    (async () => {
      for await (const { data } of client.listen('tick')) { console.log(data); break; }
      await client.close();
    })();`;
  expect(await run(process.execPath, [type, '--eval', code])).toEqual({ stdout: 'tock\n', stderr: '' });
});

test('the built command line listens, publishes and asks, without a warning', async () => {
  const outputs = [
    await chimed('publish', 'news', '"new"'),
    await chimed('get', 'news'),
    await chimed('listen', 'module', '--count', '1'),
    await chimed('listen', 'command', '--count', '1'),
    await chimed('status'),
  ];
  for (const { stderr } of outputs) expect(stderr).not.toMatch(/warning/i);
  expect(outputs.map(({ stdout }) => stdout)).toMatchObject([
    '',
    expect.stringContaining('new'),
    expect.stringContaining('10'),
    expect.stringContaining('20'),
    expect.stringContaining('tick'),
  ]);
});

test('a daemon under this Node can do all that needs native calls', () => {
  const lacking = daemon.log.items.filter(({ event }) => String(event).startsWith('no-'));
  expect(lacking).toEqual([]);
});
