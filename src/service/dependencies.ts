import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

/** A package to copy: from where, and to where below the root of the copy. */
export interface PlacedPackage {
  from: string;
  to: string;
}

interface Manifest {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/**
 * All packages that a package needs at run time, and places for them in a tree of their own: at its top if
 * that place is free, else inside the package that needs them, where Node looks first.
 * @throws if one is not installed, or is a link that leaves the project: a package under development elsewhere.
 */
export function productionDependencies(root: string): PlacedPackage[] {
  const placed = new Map<string, string>();
  const visit = (from: string, to: string): void => {
    const { dependencies = {}, optionalDependencies = {} } = manifest(from);
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const found = find(name, from);
      if (!found && name in optionalDependencies) continue; // Made for another kind of machine.
      if (!found) throw new Error(`the package ${name} is missing beside ${from}; run npm install`);
      const top = join('node_modules', name);
      const place = (placed.get(top) ?? found) === found ? top : join(to, top);
      if (placed.has(place)) continue;
      placed.set(place, found);
      visit(found, place);
    }
  };
  visit(root, '');
  return [...placed].map(([to, from]) => ({ from, to }));
}

function manifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
}

/** Where Node finds a package that is asked for by one in `from`: in a node_modules there, or further up. */
function find(name: string, from: string): string | undefined {
  for (let directory = from; ; directory = dirname(directory)) {
    const path = join(directory, 'node_modules', name);
    if (existsSync(join(path, 'package.json'))) return withoutLinks(path);
    if (directory === dirname(directory)) return undefined;
  }
}

/** pnpm's packages are links to elsewhere in the same node_modules. */
function withoutLinks(path: string): string {
  const real = realpathSync(path);
  const [project] = path.split(`${sep}node_modules${sep}`);
  if (real.startsWith(join(project!, 'node_modules') + sep)) return real;
  throw new Error(`the link ${path} leads out of the project, to ${real}; run npm install without npm link`);
}
