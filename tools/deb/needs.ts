import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { PACKAGE } from '../../src/service/layout.ts';

/** An architecture that there is a package for. */
export interface Architecture {
  /** Debian's name for it, and npm's. */
  name: string;
  cpu: string;
  /** The program that strips its programs, and the package that has it. */
  strip: string;
  binutils: string;
}

export const ARCHITECTURES: readonly Architecture[] = [
  {
    name: 'amd64',
    cpu: 'x64',
    strip: 'x86_64-linux-gnu-strip',
    binutils: 'binutils-x86-64-linux-gnu',
  },
  {
    name: 'arm64',
    cpu: 'arm64',
    strip: 'aarch64-linux-gnu-strip',
    binutils: 'binutils-aarch64-linux-gnu',
  },
];

/** @throws with the packages that have what is missing. */
export function requireTools(architectures: readonly Architecture[]): void {
  const needs = [
    ['dpkg-buildpackage', 'dpkg-dev'],
    ['dh', 'debhelper'],
    ...architectures.map(({ strip, binutils }) => [strip, binutils]),
  ] as [string, string][];
  const missing = needs.filter(([program]) => !isHere(program)).map(([, debianPackage]) => debianPackage);
  if (missing.length > 0)
    throw new Error(`some programs are missing; run: sudo apt install ${missing.join(' ')}`);
  if (!existsSync(join(PACKAGE, 'dist/cli/main.js'))) throw new Error('dist/ is missing; run: npm run build');
}

/** @throws if the package would bring another Node than the one that the tests run on. */
export function requireOneNode(): void {
  const tested = manifest('package.json')['devDependencies']!['node'];
  for (const [name, packaged] of Object.entries(
    manifest('debian/node/package.json')['optionalDependencies']!,
  )) {
    if (packaged === tested) continue;
    throw new Error(
      `debian/node/package.json has ${name} ${packaged}, and package.json has node ${tested}; make them the same, ` +
        'and run npm install --package-lock-only in debian/node',
    );
  }
}

function isHere(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((directory) => existsSync(join(directory, program)));
}

function manifest(path: string): Record<string, Record<string, string>> {
  return JSON.parse(readFileSync(join(PACKAGE, path), 'utf8')) as Record<string, Record<string, string>>;
}
