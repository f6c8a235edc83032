/**
 * Runs what `npm run build` has made, and a choice of the tests, under each Node that package.json's `engines` promises: the
 * oldest, the one for development, and the newest. npm fetches those that this machine does not have. Usage: main.ts [VERSION…]
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { root } from '../helpers/program.ts';

const NEWEST = '26.10.0';
/** Start, the command line, the library, modules; peers' credentials and other native calls; commands; resumption. */
const TESTS = [
  'test/versions/built.test.ts',
  ...['access', 'resume'].map((name) => `test/integration/${name}.test.ts`),
];

const { engines, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  engines: { node: string };
  devDependencies: { node: string };
};
const oldest = `${engines.node.replace('>=', '')}.0`;
const chosen = process.argv.slice(2);
const versions = chosen.length > 0 ? chosen : [oldest, devDependencies.node, NEWEST];

const failed = versions.filter((version) => !passes(version));
if (failed.length > 0) {
  process.stderr.write(`Failed under Node ${failed.join(', ')}.\n`);
  process.exitCode = 1;
}

function passes(version: string): boolean {
  const started = performance.now();
  const node = nodeOf(version);
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--config', 'test/versions/vitest.config.ts', ...TESTS];
  const { status } = spawnSync(node, args, { cwd: root, stdio: 'inherit' });
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stdout.write(`Node ${version}: ${status === 0 ? 'passed' : 'failed'} in ${seconds} s\n\n`);
  return status === 0;
}

/** The path of that Node, from npm's cache or its registry. These packages have no install script. */
function nodeOf(version: string): string {
  const name = `node-linux-${process.arch}@${version}`;
  const args = [
    'exec',
    '--yes',
    `--package=${name}`,
    '--',
    'node',
    '-p',
    'process.version + process.execPath',
  ];
  const found = execFileSync('npm', args, { cwd: tmpdir(), encoding: 'utf8' }).trim();
  if (!found.startsWith(`v${version}/`)) throw new Error(`npm has not given ${name}, but ${found}.`);
  return found.slice(`v${version}`.length);
}
