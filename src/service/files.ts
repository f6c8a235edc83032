import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';

import { COMMAND, COMMAND_MARKER } from './layout.ts';
import { removeTree, replaceFile } from './root-files.ts';
import type { InstallStep } from './step.ts';

/**
 * A step that writes a file of root's, readable for all, and makes its directory. Undone, it puts back what was there.
 * @param content Called when the step's turn comes.
 */
export function placeFile(to: string, content: () => string | Buffer, mode = 0o644): InstallStep {
  let former: { content: Buffer; mode: number } | undefined;
  return {
    says: `write ${to}`,
    run: () => {
      const stats = lstatSync(to, { throwIfNoEntry: false });
      if (stats?.isFile()) former = { content: readFileSync(to), mode: stats.mode & 0o755 };
      else if (stats) removeTree(to); // A link, or worse: nothing of ours.
      mkdirSync(dirname(to), { recursive: true, mode: 0o755 });
      replaceFile(to, content(), mode);
    },
    undo: () => {
      if (former) replaceFile(to, former.content, former.mode);
      else rmSync(to, { force: true });
      return undefined;
    },
  };
}

/** Steps that remove what is there of the paths. */
export function removal(paths: readonly string[]): InstallStep[] {
  return paths
    .filter((path) => lstatSync(path, { throwIfNoEntry: false }))
    .map((path) => ({ says: `remove ${path}`, run: () => removeTree(path) }));
}

/** A step that removes a directory if nothing is left in it when the step's turn comes. */
export function* removalIfEmpty(directory: string): Generator<InstallStep> {
  if (isEmpty(directory))
    yield { says: `remove ${directory}, which is empty`, run: () => rmdirSync(directory) };
}

/** Removes a directory if it is there and nothing is in it. */
export function removeIfEmpty(directory: string): void {
  if (isEmpty(directory)) rmdirSync(directory);
}

function isEmpty(directory: string): boolean {
  return existsSync(directory) && readdirSync(directory).length === 0;
}

/** Reports whether the command's place is free or has a script of ours, of whatever version; a link never is. */
export function isCommandOurs(): boolean {
  const found = lstatSync(COMMAND, { throwIfNoEntry: false });
  return (
    !found || (found.isFile() && found.size < 4096 && COMMAND_MARKER.test(readFileSync(COMMAND, 'utf8')))
  );
}
