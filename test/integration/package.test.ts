import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { root } from '../helpers/program.ts';

const run = promisify(execFile);
const folder = temporaryFolder();
const tsc = join(root, 'node_modules/.bin/tsc');
const esbuild = join(root, 'node_modules/.bin/esbuild');
const topics = { tick: { interval: '1s', data: 'tock' } };

/** Packs chimed and installs the package into an empty project, as its users do. */
beforeAll(async () => {
  if (!existsSync(join(root, 'dist/cli/main.js'))) await run('npm', ['run', 'build'], { cwd: root });
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder.path], { cwd: root });
  writeFileSync(folder.file('package.json'), '{"private": true}');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  await run('npm', ['install', ...options, `./chimed-${version}.tgz`], { cwd: folder.path });
}, 120_000);

afterAll(() => folder[Symbol.dispose]());

const listen = `
  const client = connect({ socket: process.argv[2] });
  (async () => {
    for await (const { data } of client.listen('tick')) { console.log(data); break; }
    await client.close();
  })();`;

test.concurrent.each([
  ['an ES module', 'listen.mjs', `import { connect } from 'chimed';${listen}`],
  ['CommonJS', 'listen.cjs', `const { connect } = require('chimed');${listen}`],
])('it works from %s', async (_, name, code) => {
  writeFileSync(folder.file(name), code);
  await using daemon = await startDaemon({ topics });
  const { stdout } = await run(process.execPath, [folder.file(name), daemon.socket]);
  expect(stdout).toBe('tock\n');
});

test.concurrent.each(['esm', 'cjs'] as const)(
  'it works in what a bundler makes of a program: %s',
  async (format) => {
    writeFileSync(folder.file(`${format}.ts`), `import { connect } from 'chimed';${listen}`);
    const bundle = folder.file(`bundle.${format === 'esm' ? 'mjs' : 'cjs'}`);
    const options = [
      '--bundle',
      '--platform=node',
      `--format=${format}`,
      `--outfile=${bundle}`,
      '--log-level=warning',
    ];
    const { stderr: warnings } = await run(esbuild, [folder.file(`${format}.ts`), ...options], {
      cwd: folder.path,
    });
    expect(warnings).toBe('');
    await using daemon = await startDaemon({ topics });
    const { stdout } = await run(process.execPath, [bundle, daemon.socket]);
    expect(stdout).toBe('tock\n');
  },
);

test('its types hold under nodenext, from both kinds of module, without skipLibCheck', async () => {
  const code = (importing: string): string => `${importing}
    const client: Client = connect({ name: 'typed', retry: { minMs: 5 } });
    const messages: Subscription<{ eur: number }> = client.listen('price');
    export async function first(): Promise<number> {
      for await (const { data, missed } of messages) return data.eur + missed;
      const { topics }: Status = await client.status();
      // @ts-expect-error: there is no such code
      const wrong: ErrorCode = 'no-such-code';
      return topics.length + wrong.length;
    }`;
  const names = 'connect, type Client, type ErrorCode, type Status, type Subscription';
  writeFileSync(folder.file('types.mts'), code(`import { ${names} } from 'chimed';`));
  writeFileSync(folder.file('types.cts'), code(`import { ${names} } from 'chimed';`));
  const options = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2024',
    '--lib',
    'es2024,esnext.disposable',
  ];
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
  await run(tsc, [...options, ...types, 'types.mts', 'types.cts'], { cwd: folder.path }).catch((error) => {
    throw new Error((error as { stdout: string }).stdout);
  });
});

test('its command runs', async () => {
  const { stdout } = await run(process.execPath, [folder.file('node_modules/.bin/chimed'), '--version']);
  expect(stdout).toBe('0.1.0\n');
});

test('it holds what it needs and no more', async () => {
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--dry-run', '--json'], { cwd: root });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  const tops = new Set(files.map(({ path }) => path.split('/')[0]));
  expect([...tops].toSorted()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'config',
    'dist',
    'docs',
    'package.json',
    'systemd',
  ]);
});
