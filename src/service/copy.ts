import { cpSync, existsSync, mkdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

import { command } from './command.ts';
import { productionDependencies } from './dependencies.ts';
import { PACKAGE } from './layout.ts';

/** What is copied of the package itself. */
const CONTENT = ['dist', 'config', 'systemd', 'package.json', 'README.md', 'CHANGELOG.md', 'LICENSE'];

/** Makes a copy of the package that stands alone: with its dependencies, and the Node that runs us. */
export function copyPackage(to: string): void {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true, mode: 0o755 });
  for (const name of CONTENT) copy(join(PACKAGE, name), join(to, name));
  for (const { from, to: place } of productionDependencies(PACKAGE)) copy(from, join(to, place));
  copy(realpathSync(process.execPath), join(to, 'bin/node'));
  // Whoever made the originals may have kept them to himself.
  command('chmod', '-R', 'u=rwX,go=rX', to);
}

/** Puts a finished copy in the place of the one that is there. A daemon that runs from that one has loaded its code. */
export function exchange(finished: string, place: string): void {
  const former = `${place}.old`;
  rmSync(former, { recursive: true, force: true });
  if (existsSync(place)) renameSync(place, former);
  renameSync(finished, place);
  rmSync(former, { recursive: true, force: true });
}

/** Copies a file or a package, without the packages inside it: these are placed one by one. */
function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o755 });
  cpSync(from, to, {
    recursive: true,
    dereference: true,
    filter: (path) => !relative(from, path).split(sep).includes('node_modules'),
  });
}
