import { join } from 'node:path';

import type { Found } from '../../linux/look-up.ts';

/** As many as the kernel follows. */
const MAX_LINKS = 40;
/** More names than a way of people's has. Links can make it very long, and each name is looked up at each change. */
const MAX_STEPS = 200;

/** A name that is looked up in a directory on the way to a file. */
export interface RouteStep {
  directory: string;
  name: string;
}

/** The way that the kernel takes to a file, through all links, as far as it can be seen. */
export interface Route {
  steps: readonly RouteStep[];
  /** Where the way ends: at what the path names, or where it cannot be followed any more. */
  end: { path: string } & (Exclude<Found, { kind: 'link' }> | { kind: 'too-long' });
}

/** Follows an absolute path. */
export function routeTo(path: string, lookUp: (path: string) => Found): Route {
  const steps: RouteStep[] = [];
  const names = path.split('/');
  let links = 0;
  let end: Route['end'] = { path: '/', kind: 'directory' };
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    if (name === '' || name === '.') continue;
    const directory = end.path;
    const next = join(directory, name); // The parent of the root is the root.
    if (name === '..') {
      end = { path: next, kind: 'directory' };
      continue;
    }
    if (steps.push({ directory, name }) > MAX_STEPS) return { steps: [], end: { path, kind: 'too-long' } };
    const found = lookUp(next);
    if (found.kind === 'link' && ++links <= MAX_LINKS) {
      if (found.target.startsWith('/')) end = { path: '/', kind: 'directory' };
      names.unshift(...found.target.split('/'));
    } else {
      end = { path: next, ...(found.kind === 'link' ? { kind: 'nothing' } : found) };
      if (end.kind !== 'directory') break;
    }
  }
  return { steps, end };
}
