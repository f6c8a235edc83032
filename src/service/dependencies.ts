import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

/** A package to copy: from where, and to where below the root of the copy. */
export interface PlacedPackage {
  from: string;
  to: string;
  /** The path by which Node finds it, which may be a link to `from`. */
  link: string;
}

interface Manifest {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/**
 * Some packages that another one needs, with all that they need, and places for them in a tree of their own: at its top
 * if that place is free, else inside the package that needs them, where Node looks first.
 * @param names Those that are not in the bundles.
 * @throws if one is not installed, or is a link that leaves the project: a package under development elsewhere.
 */
export function placedPackages(root: string, names: readonly string[]): PlacedPackage[] {
  const placed = new Map<string, PlacedPackage>();
  const visit = (from: string, to: string, wanted: readonly string[], optional: object): void => {
    for (const name of wanted) {
      const link = find(name, from);
      if (!link && name in optional) continue; // Made for another kind of machine.
      if (!link) throw new Error(`the package ${name} is missing beside ${from}; run npm install`);
      const found = realPackage(link);
      const top = join('node_modules', name);
      const place = (placed.get(top)?.from ?? found) === found ? top : join(to, top);
      if (placed.has(place)) continue;
      placed.set(place, { from: found, to: place, link });
      const { dependencies = {}, optionalDependencies = {} } = manifest(found);
      visit(found, place, Object.keys({ ...dependencies, ...optionalDependencies }), optionalDependencies);
    }
  };
  visit(root, '', names, {});
  return [...placed.values()];
}

function manifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
}

/** Where Node finds a package that is asked for by one in `from`: in a node_modules there, or further up. */
function find(name: string, from: string): string | undefined {
  for (let directory = from; ; directory = dirname(directory)) {
    const path = join(directory, 'node_modules', name);
    if (existsSync(join(path, 'package.json'))) return path;
    if (directory === dirname(directory)) return undefined;
  }
}

/** Without links. pnpm's packages are links to others in the same node_modules, or in the same store. */
function realPackage(path: string): string {
  const real = realpathSync(path);
  const within = ['node_modules', '.pnpm'].map(
    (name) => path.slice(0, path.indexOf(`${sep}${name}${sep}`)) + sep + name,
  );
  if (within.some((directory) => real.startsWith(directory + sep))) return real;
  throw new Error(`the link ${path} leads out of the project, to ${real}; run npm install without npm link`);
}
