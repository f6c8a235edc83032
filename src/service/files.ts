import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

import type { Step } from './step.ts';

/** A step that copies a file, readable for all, and makes its directory. */
export function placeFile(from: string, to: string): Step {
  return {
    says: `write ${to}`,
    run: () => {
      mkdirSync(dirname(to), { recursive: true });
      copyFileSync(from, to);
      chmodSync(to, 0o644);
    },
  };
}

/** A step that writes a program. */
export function placeScript(to: string, text: string): Step {
  return {
    says: `write ${to}`,
    run: () => {
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, text);
      chmodSync(to, 0o755);
    },
  };
}

/** Steps that remove what is there of the paths. */
export function removal(paths: readonly string[]): Step[] {
  return paths
    .filter((path) => lstatSync(path, { throwIfNoEntry: false }))
    .map((path) => ({ says: `remove ${path}`, run: () => rmSync(path, { recursive: true }) }));
}

/** A step that removes a directory if nothing is left in it when the step's turn comes. */
export function* removalIfEmpty(directory: string): Generator<Step> {
  if (!existsSync(directory) || readdirSync(directory).length > 0) return;
  yield { says: `remove ${directory}, which is empty`, run: () => rmdirSync(directory) };
}

/** Reports whether nothing is there, or a file of this very text: a link, or another text, is somebody else's. */
export function isFreeFor(path: string, text: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return !found || (found.isFile() && readFileSync(path, 'utf8') === text);
}
