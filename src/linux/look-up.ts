import { lstatSync, readlinkSync } from 'node:fs';
import type { Stats } from 'node:fs';

import { reportsChanges, typeAt } from './mount-table.ts';

/** What a path leads to. A link is not followed. */
export type Found =
  | { kind: 'link'; target: string }
  | { kind: 'directory' }
  /** Anything else, with its size in bytes. */
  | { kind: 'file'; size: number }
  /** Nothing, or nothing that this process can see. */
  | { kind: 'nothing' }
  /** It is on a file system that does not report changes. */
  | { kind: 'foreign'; type: string }
  /** Only the disk knows. */
  | { kind: 'unknown' };

/**
 * Looks up a path whose directory is on a file system that reports changes. A file system that does not is never asked, so
 * a network file system cannot make us wait; a failing disk can.
 */
export function lookUp(path: string): Found {
  const type = typeAt(path);
  if (!reportsChanges(type)) return { kind: 'foreign', type: type ?? 'an unknown file system' };
  try {
    return foundOf(lstatSync(path), path);
  } catch {
    return { kind: 'nothing' };
  }
}

export function foundOf(stats: Stats, path: string): Found {
  if (stats.isSymbolicLink()) return { kind: 'link', target: readlinkSync(path) };
  return stats.isDirectory() ? { kind: 'directory' } : { kind: 'file', size: stats.size };
}
