/** Makes chimed-client-VERSION.tgz: the client library, without the daemon. Usage: pack-client.ts [FOLDER] */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { buildLibrary, manifestOf, packagesIn, root } from './bundles.ts';
import { licences } from './licences.ts';
import { bill, billOf, printed } from './sbom.ts';
import type { Bill } from './sbom.ts';
import { buildTypes } from './types.ts';

const NAME = 'chimed-client';
const DESCRIPTION = 'The client library of chimed: subscribes to the topics of a daemon on this machine.';
/** What both packages say in the same words; those that nobody has filled in yet are absent. */
const SHARED = ['version', 'license', 'author', 'repository', 'bugs', 'homepage', 'type', 'engines'] as const;

const destination = resolve(process.argv[2] ?? root);
const folder = mkdtempSync(join(tmpdir(), 'chimed-client-'));
try {
  await fill(folder);
  const args = ['pack', '--silent', '--pack-destination', destination];
  execFileSync('npm', args, { cwd: folder, stdio: 'inherit' });
} finally {
  rmSync(folder, { recursive: true });
}

async function fill(target: string): Promise<void> {
  const dist = join(target, 'dist');
  mkdirSync(dist);
  const packages = packagesIn([await buildLibrary(dist)]);
  buildTypes(['index'], dist);
  writeFileSync(join(dist, 'licences.txt'), licences(root, packages));
  writeFileSync(join(dist, 'sbom.cdx.json'), printed(clientBill(packages)));
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest(), undefined, 2)}\n`);
  copyFileSync(join(root, 'packaging/client/README.md'), join(target, 'README.md'));
  copyFileSync(join(root, 'LICENSE'), join(target, 'LICENSE'));
}

function manifest(): object {
  const main = manifestOf('') as Record<string, unknown>;
  const entries = main['exports'] as Record<string, unknown>;
  return {
    name: NAME,
    description: DESCRIPTION,
    keywords: ['chimed', 'client', 'ipc', 'unix-socket', 'pubsub'],
    ...Object.fromEntries(SHARED.flatMap((key) => (key in main ? [[key, main[key]]] : []))),
    exports: { '.': entries['.'], './package.json': './package.json' },
    files: ['dist'],
  };
}

function clientBill(packages: readonly string[]): Bill {
  const id = `${NAME}@${manifestOf('').version}`;
  const component = { 'bom-ref': id, type: 'library', name: NAME, purl: `pkg:npm/${id}` };
  const names = packages.map((path) => manifestOf(path).name);
  return billOf({ ...component, description: DESCRIPTION }, ({ name }) => names.includes(name), bill());
}
