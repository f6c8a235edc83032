import { statfs } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { messageOf } from '../../errors.ts';
import { onDisk } from '../../linux/file-systems.ts';
import { parseMounts } from '../../linux/mount-info.ts';
import type { Mount } from '../../linux/mount-info.ts';
import type { Source } from '../source.ts';
import { BlockingCalls } from './blocking-calls.ts';
import { readKernelFile } from './kernel-file.ts';
import { ReachableMounts } from './reachable-mounts.ts';
import type { Roots } from './roots.ts';

/** Images that are read-only, and so always full. */
const images = new Set(['squashfs', 'erofs', 'iso9660']);
const calls = new BlockingCalls();
const askFileSystem = promisify(statfs);

/** The size and the use of each file system that is on a disk of this machine, in bytes. */
export function disksSource({ proc, root }: Roots, timeoutMs: number): Source {
  return {
    async sample(signal) {
      const mounts = fileSystems(parseMounts(readKernelFile(join(proc, 'self/mountinfo'))));
      return await calls.each(
        mounts,
        ({ path, type, source }) => `the file system ${path} (${type} on ${source})`,
        async (mount) => await describe(mount, join(root, mount.path)),
        { timeoutMs, signal },
      );
    },
  };
}

/** One mount of each file system, by its path. */
function fileSystems(mounts: readonly Mount[]): Mount[] {
  const reachable = new ReachableMounts(mounts);
  const best = new Map<string, Mount>();
  for (const mount of mounts) {
    if (!isOnDisk(mount)) continue;
    const other = best.get(mount.device);
    if ((!other || compare(mount, other) < 0) && reachable.has(mount)) best.set(mount.device, mount);
  }
  return [...best.values()].toSorted((one, other) => (one.path < other.path ? -1 : 1));
}

/** A container's own root is an overlay; all other overlays are those of containers, and on a disk that is listed. */
function isOnDisk({ type, path }: Mount): boolean {
  return onDisk.has(type) && !images.has(type) && (type !== 'overlay' || path === '/');
}

/** Whole file systems before bind mounts, and short paths before long ones. */
function compare(one: Mount, other: Mount): number {
  return (
    Number(one.root !== '/') - Number(other.root !== '/') ||
    one.path.length - other.path.length ||
    (one.path < other.path ? -1 : 1)
  );
}

async function describe({ path, source, type, readOnly }: Mount, place: string): Promise<object> {
  const about = { mount: path, device: source, type, readOnly };
  try {
    const { frsize, bsize, blocks, bfree, bavail, files, ffree } = await askFileSystem(place);
    const unit = frsize || bsize; // Node 22 does not have frsize.
    return {
      ...about,
      size: blocks * unit,
      used: (blocks - bfree) * unit,
      free: bavail * unit,
      // btrfs and vfat make inodes as they need them, and say 0.
      inodes: files || null,
      inodesUsed: files ? files - ffree : null,
    };
  } catch (error) {
    // One directory that this user may not pass must not hide the other file systems.
    return { ...about, error: messageOf(error) };
  }
}
