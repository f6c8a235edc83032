import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startDaemon } from '../helpers/daemon.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { root } from '../helpers/program.ts';

const run = promisify(execFile);
const bin = (name: string): string => join(root, 'node_modules/.bin', name);
const topics = { tick: { interval: '1s', data: 'tock' } };
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const CLIENT_BYTES = 175_000;

/** One project for each package, and one that has both. */
const projects = {
  chimed: temporaryFolder(),
  'chimed-client': temporaryFolder(),
  both: temporaryFolder(),
};
const tarballs = temporaryFolder();
const tarball = (name: string): string => tarballs.file(`${name}-${version}.tgz`);
const installed = (name: 'chimed' | 'chimed-client', ...path: string[]): string =>
  projects[name].file(join('node_modules', name, ...path));

/** Packs both packages, and installs them into empty projects, as their users do. */
beforeAll(async () => {
  if (!existsSync(join(root, 'dist/sbom.cdx.json'))) await run('npm', ['run', 'build'], { cwd: root });
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', tarballs.path], { cwd: root });
  await run('npm', ['run', '-s', 'pack:client', '--', tarballs.path], { cwd: root });
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund'];
  const install = (project: keyof typeof projects, ...args: string[]): Promise<unknown> => {
    writeFileSync(projects[project].file('package.json'), '{"private": true}');
    return run('npm', ['install', ...quiet, ...args], { cwd: projects[project].path });
  };
  // Without dependencies there is nothing to ask a registry for.
  await install('chimed-client', '--offline', tarball('chimed-client'));
  await install('chimed', '--prefer-offline', tarball('chimed'));
  await install('both', '--prefer-offline', tarball('chimed'), tarball('chimed-client'));
}, 180_000);

afterAll(() => {
  for (const folder of [...Object.values(projects), tarballs]) folder[Symbol.dispose]();
});

const listen = `
  const client = connect({ socket: process.argv[2] });
  (async () => {
    for await (const { data } of client.listen('tick')) { console.log(data); break; }
    await client.close();
  })();`;

const checkTypes = async (folder: string, ...files: string[]): Promise<void> => {
  const language = ['--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,esnext.disposable'];
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
  const args = ['--noEmit', '--strict', ...language, ...types, ...files];
  await run(bin('tsc'), args, { cwd: folder }).catch((error) => {
    throw new Error((error as { stdout: string }).stdout);
  });
};

describe.each(['chimed', 'chimed-client'] as const)('the package %s', (name) => {
  const project = projects[name];

  test.concurrent.each([
    ['an ES module', 'listen.mjs', `import { connect } from '${name}';${listen}`],
    ['CommonJS', 'listen.cjs', `const { connect } = require('${name}');${listen}`],
  ])('listens from %s', async (_, file, code) => {
    writeFileSync(project.file(file), code);
    await using daemon = await startDaemon({ topics });
    const { stdout } = await run(process.execPath, [project.file(file), daemon.socket]);
    expect(stdout).toBe('tock\n');
  });

  test.concurrent.each(['esm', 'cjs'] as const)(
    'listens from a bundle that esbuild makes of a program: %s',
    async (format) => {
      writeFileSync(project.file(`${format}.ts`), `import { connect } from '${name}';${listen}`);
      const bundle = project.file(`bundle.${format === 'esm' ? 'mjs' : 'cjs'}`);
      const options = ['--bundle', '--platform=node', `--format=${format}`, `--outfile=${bundle}`];
      const args = [project.file(`${format}.ts`), ...options, '--log-level=warning'];
      const { stderr: warnings } = await run(bin('esbuild'), args, { cwd: project.path });
      expect(warnings).toBe('');
      await using daemon = await startDaemon({ topics });
      const { stdout } = await run(process.execPath, [bundle, daemon.socket]);
      expect(stdout).toBe('tock\n');
    },
  );

  test('has types that hold under nodenext, from both kinds of module, without skipLibCheck', async () => {
    const code = (importing: string): string => `${importing}
      const client: Client = connect({ name: 'typed', retry: { minMs: 5 } });
      const messages: Subscription<{ eur: number }> = client.listen('price');
      client.on('state', (state: State) => console.log(state.status));
      const generate: Generate<number> = async function* ({ signal }: ProvideContext) { yield signal.aborted ? 0 : 1; };
      const handler: ProvideHandler = { wanted: ({ instance, seq }) => console.log(instance, seq), unwanted() {} };
      const provided: Provided[] = [client.provide('one', generate), client.provide('other', handler)];
      const numbers: OriginNumbers = { instance: 'origin', seq: 1, time: 0 };
      client.on('refused', ({ topic, code }: Refusal) => console.log(topic, code, provided[0]?.send(1, numbers)));
      const resume: ResumeAfter | undefined = client.position;
      connect({ ...(resume && { resume }) });
      export async function first(): Promise<number> {
        for await (const { data, missed } of messages) return data.eur + missed;
        const { topics }: Status = await client.status();
        // @ts-expect-error: there is no such code
        const wrong: ErrorCode = 'no-such-code';
        return topics.length + wrong.length;
      }`;
    const types = [
      'Client',
      'ErrorCode',
      'Generate',
      'OriginNumbers',
      'ProvideContext',
      'ProvideHandler',
      'Provided',
      'Refusal',
      'ResumeAfter',
      'State',
      'Status',
      'Subscription',
    ];
    const names = ['connect', ...types.map((type) => `type ${type}`)].join(', ');
    writeFileSync(project.file('types.mts'), code(`import { ${names} } from '${name}';`));
    writeFileSync(project.file('types.cts'), code(`import { ${names} } from '${name}';`));
    await checkTypes(project.path, 'types.mts', 'types.cts');
  });

  test('says what went wrong and what to do', async () => {
    const code = `import { ChimedError, codes, connect } from '${name}';
      try { await connect({ socket: '/nonexistent/s', retry: false }).status(); }
      catch (error) { console.log(error instanceof ChimedError, error.code, codes[error.code].remedy.length > 0); }`;
    writeFileSync(project.file('error.mjs'), code);
    const { stdout } = await run(process.execPath, [project.file('error.mjs')]);
    expect(stdout).toBe('true no-daemon true\n');
  });

  test('publint and attw find nothing', async () => {
    const publint = await run(bin('publint'), ['run', tarball(name), '--strict', '--level', 'suggestion']);
    expect(publint.stdout).toContain('All good!');
    // attw does not know that `require` loads ES modules in every Node that is supported; a test above shows it.
    await run(bin('attw'), [tarball(name), '--profile', 'esm-only']).catch((error) => {
      throw new Error((error as { stdout: string }).stdout);
    });
  });
});

describe('chimed', () => {
  test('runs its command', async () => {
    const command = projects.chimed.file('node_modules/.bin/chimed');
    const { stdout } = await run(process.execPath, [command, '--version']);
    expect(stdout).toBe(`${version}\n`);
  });

  test('holds what it needs and no more', () => {
    expect(readdirSync(installed('chimed')).toSorted()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'config',
      'dist',
      'docs',
      'monitoring',
      'package.json',
      'systemd',
    ]);
    const files = readdirSync(installed('chimed', 'dist'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((file) => /\.map$|(?<!\.d)\.ts$/.test(file))).toEqual([]);
  });

  test('is published without a warning', async () => {
    // A name that no registry is asked about; whether somebody is logged in is no matter of the package.
    const login = ['--registry=http://localhost:9/', '--//localhost:9/:_authToken=none', '--fetch-retries=0'];
    const args = ['publish', '--dry-run', '--ignore-scripts', ...login];
    const { stderr } = await run('npm', args, { cwd: root });
    expect(stderr).not.toMatch(/^npm (warn|error)/m);
  });
});

describe('chimed-client', () => {
  test('holds the library alone, without dependencies, in 175 KB', () => {
    const files = readdirSync(installed('chimed-client'), { recursive: true, encoding: 'utf8' });
    const paths = files.map((file) => installed('chimed-client', file));
    const sizes = paths.map((path) => statSync(path)).filter((stats) => stats.isFile());
    const bytes = sizes.reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeLessThanOrEqual(CLIENT_BYTES);
    expect(files.filter((file) => file.endsWith('.js'))).toEqual(['dist/index.js']);
    const packages = readdirSync(projects['chimed-client'].file('node_modules'));
    expect(packages.filter((name) => !name.startsWith('.'))).toEqual(['chimed-client']);
    const code = readFileSync(installed('chimed-client', 'dist/index.js'), 'utf8');
    expect(code).not.toMatch(/koffi|commander|convict|pino-/);
  });

  test('is the very library that chimed has', () => {
    const library = (name: 'chimed' | 'chimed-client'): Buffer =>
      readFileSync(installed(name, 'dist/index.js'));
    const isSame = library('chimed').equals(library('chimed-client'));
    expect(isSame, 'if not, dist/ is out of date: npm run build').toBe(true);
  });

  test('and chimed know each other: errors are instances, and types agree', async () => {
    const project = projects.both;
    const errors = `
      import { strictEqual } from 'node:assert/strict';
      import * as main from 'chimed';
      import * as client from 'chimed-client';
      class Own extends main.ChimedError {}
      strictEqual(main.ChimedError === client.ChimedError, false);
      for (const [ours, theirs] of [[main, client], [client, main]]) {
        const error = new ours.ChimedError('timeout', 'late');
        strictEqual(error instanceof theirs.ChimedError, true);
        strictEqual(error instanceof ours.ChimedError, true);
        strictEqual(error instanceof Own, false);
        strictEqual(new Error('late') instanceof ours.ChimedError, false);
      }
      strictEqual(new Own('timeout', 'late') instanceof client.ChimedError, true);
      strictEqual(new Own('timeout', 'late') instanceof Own, true);
      for (const other of [undefined, null, 'timeout', {}]) strictEqual(other instanceof main.ChimedError, false);`;
    writeFileSync(project.file('errors.mjs'), errors);
    await run(process.execPath, [project.file('errors.mjs')]);
    const types = `
      import * as main from 'chimed';
      import * as client from 'chimed-client';
      import { startDaemon } from 'chimed/testing';
      export const one: main.Client = client.connect();
      export const other: client.Client = main.connect();
      export const error: client.ChimedError = new main.ChimedError('timeout', 'late');
      export const tested: client.Client = (await startDaemon({})).connect({} satisfies client.ConnectOptions);`;
    writeFileSync(project.file('types.mts'), types);
    await checkTypes(project.path, 'types.mts');
  });
});
