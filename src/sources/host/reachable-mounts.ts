import type { Mount } from '../../linux/mount-info.ts';
import { isLocalType } from '../../linux/mount-table.ts';

/**
 * Finds out which mounts their path leads to, by local file systems alone. Others are hidden by a mount on top of them,
 * or a server or a program might have to answer first.
 */
export class ReachableMounts {
  readonly #root: Mount | undefined;
  /** By the mount that they are on, and their path. */
  readonly #children = new Map<string, Mount>();

  constructor(mounts: readonly Mount[]) {
    const ids = new Set(mounts.map(({ id }) => id));
    this.#root = mounts.find(({ id, parent, path }) => path === '/' && (parent === id || !ids.has(parent)));
    for (const mount of mounts)
      if (mount !== this.#root) this.#children.set(keyOf(mount.parent, mount.path), mount);
  }

  has(mount: Mount): boolean {
    let reached = this.#root;
    for (const path of pathsTo(mount.path)) {
      for (let top = reached; top; top = this.#children.get(keyOf(top.id, path))) reached = top;
      if (!reached || !isLocalType(reached.type)) return false;
    }
    return reached === mount;
  }
}

function keyOf(parent: string, path: string): string {
  return `${parent} ${path}`;
}

/** `/`, `/a`, `/a/b` for `/a/b`. */
function pathsTo(path: string): string[] {
  const ends = [...path.matchAll(/\/|$/g)].map(({ index }) => index).slice(1);
  return ['/', ...(path === '/' ? [] : ends.map((end) => path.slice(0, end)))];
}
