/**
 * node tools/deb.ts [--out DIRECTORY] [amd64] [arm64]: makes chimed_VERSION_ARCHITECTURE.deb of dist/, with the Node of
 * debian/node. All that is fetched is fetched here, by npm, which checks it against the lockfiles. The time in the
 * packages is $SOURCE_DATE_EPOCH or that of the last commit, so that two builds are the same to the byte.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { PACKAGE } from '../src/service/layout.ts';
import { version } from '../src/protocol/version.ts';
import { manifestOf } from './bundles.ts';
import { ARCHITECTURES, requireOneNode, requireTools } from './deb/needs.ts';
import type { Architecture } from './deb/needs.ts';
import { layDebian } from './deb/debian.ts';
import { layRoot } from './deb/root.ts';
import { run } from './deb/run.ts';
import { sourceDate } from './deb/source-date.ts';
import { billWithNode, printed } from './sbom.ts';

try {
  const { values, positionals } = parseArgs({
    options: { out: { type: 'string', default: join(PACKAGE, 'packages') } },
    allowPositionals: true,
  });
  const wanted = positionals.length > 0 ? positionals : ARCHITECTURES.map(({ name }) => name);
  const architectures = wanted.map(architectureOf);
  requireTools(architectures);
  requireOneNode();
  const epoch = sourceDate();
  for (const architecture of architectures) {
    process.stdout.write(`${await makeDeb(architecture, resolve(values.out), epoch)}\n`);
  }
} catch (error) {
  process.stderr.write(`npm run deb: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

function architectureOf(name: string): Architecture {
  const known = ARCHITECTURES.find((architecture) => architecture.name === name);
  if (known) return known;
  const names = ARCHITECTURES.map((architecture) => architecture.name);
  throw new Error(`no package for the architecture ${name}; choose from ${names.join(', ')}`);
}

/** @returns the path of the package. */
async function makeDeb({ name, cpu }: Architecture, out: string, epoch: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'chimed-deb-'));
  try {
    const tree = join(folder, 'tree');
    const node = installPackages(join(folder, 'node'), cpu, join(PACKAGE, 'debian/node'));
    const packages = installPackages(join(folder, 'packages'), cpu, PACKAGE);
    const distribution = join(node, 'node_modules', `node-linux-${cpu}`);
    const bill = printed(billWithNode(manifestOf(distribution).version, cpu));
    await layRoot(join(tree, 'root'), join(distribution, 'bin/node'), packages, bill);
    layDebian(join(tree, 'debian'), epoch);
    copyFileSync(join(distribution, 'LICENSE'), join(tree, 'node-licence.txt'));
    // Everything that debhelper needs was looked for above; dpkg would ask for a compiler.
    const options = ['--build=binary', `--host-arch=${name}`, '--no-sign', '--no-check-builddeps'];
    run('dpkg-buildpackage', options, tree, { LC_ALL: 'C.UTF-8', SOURCE_DATE_EPOCH: String(epoch) });
    const file = `chimed_${version()}_${name}.deb`;
    mkdirSync(out, { recursive: true });
    copyFileSync(join(folder, file), join(out, file));
    return join(out, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Installs what a lockfile lists for another machine into a directory of its own, which it returns. */
function installPackages(directory: string, cpu: string, lockfileIn: string): string {
  mkdirSync(directory);
  for (const name of ['package.json', 'package-lock.json']) {
    copyFileSync(join(lockfileIn, name), join(directory, name));
  }
  const quietly = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  run('npm', ['ci', '--omit=dev', ...quietly, '--os=linux', `--cpu=${cpu}`, '--libc=glibc'], directory);
  return directory;
}
