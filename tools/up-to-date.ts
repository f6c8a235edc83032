import { lstatSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

/** When the newest of some files, and of all in some directories, was changed, in milliseconds since the epoch. */
function newest(paths: readonly string[]): number {
  const times = paths.map((path) => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found) return Infinity;
    if (!found.isDirectory()) return found.mtimeMs;
    // A file that was removed or renamed has changed its directory.
    return Math.max(found.mtimeMs, newest(readdirSync(path).map((name) => join(path, name))));
  });
  return Math.max(0, ...times);
}

/**
 * Reports whether a build is newer than all that it is made of.
 * @param output One of its files, which `builtAt` has dated.
 * @param inputs Files and directories.
 */
export function isUpToDate(output: string, inputs: readonly string[]): boolean {
  const built = statSync(output, { throwIfNoEntry: false });
  return built !== undefined && newest(inputs) < built.mtimeMs;
}

/** Dates a file of a build to when the build began: what has changed since is not in it. */
export function builtAt(output: string, beganMs: number): void {
  utimesSync(output, beganMs / 1000, beganMs / 1000);
}
