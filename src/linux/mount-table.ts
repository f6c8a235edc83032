import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { inMemory, onDisk } from './file-systems.ts';
import { parseMounts } from './mount-info.ts';
import type { Mount } from './mount-info.ts';

/** How long the table of mounts is taken to be as it was read, in milliseconds. */
const MOUNTS_MS = 1000;

/** File systems whose files the kernel changes by itself. */
const ofTheKernel = new Set(
  'proc sysfs cgroup cgroup2 securityfs debugfs tracefs configfs bpf efivarfs pstore'.split(' '),
);

let table: { readAt: number; mounts: readonly Mount[] } = { readAt: -Infinity, mounts: [] };

/** Reports whether a type of file system belongs to this machine alone. */
export function isLocalType(type: string | undefined): boolean {
  return type !== undefined && (inMemory.has(type) || onDisk.has(type));
}

/**
 * Reports whether inotify tells of every change on a type of file system. It does not where the kernel or another machine
 * changes files, and for types that are not known here.
 */
export function reportsChanges(type: string | undefined): boolean {
  return isLocalType(type) && !ofTheKernel.has(type!);
}

/** Type of the file system of a mount, by the mount's id. */
export function typeOfMount(id: string): string | undefined {
  const find = (): Mount | undefined => table.mounts.find((mount) => mount.id === id);
  if (performance.now() - table.readAt > MOUNTS_MS || !find()) readMounts();
  return find()?.type;
}

/**
 * Type of the file system that a path is on, by its text: no file system is asked, and links are not followed.
 * @returns undefined where the system does not tell.
 */
export function typeAt(path: string): string | undefined {
  if (performance.now() - table.readAt > MOUNTS_MS) readMounts();
  // From the root down, over each mount on the way: a mount can hide others that are below its point.
  let mount = table.mounts.find(
    ({ path: point, parent }) => point === '/' && !table.mounts.some(({ id }) => id === parent),
  );
  for (let next = mount; next; next = mountOn(next, path)) mount = next;
  return mount?.type;
}

/** The first mount on another one that the way to a path crosses. */
function mountOn({ id }: Mount, path: string): Mount | undefined {
  return table.mounts
    .filter(
      ({ parent, path: point }) => parent === id && (point === path || path.startsWith(join(point, '/'))),
    )
    .toSorted((one, other) => one.path.length - other.path.length)[0];
}

function readMounts(): void {
  table = { readAt: performance.now(), mounts: parseMounts(mountInfo()) };
}

function mountInfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return ''; // No /proc: not Linux.
  }
}
