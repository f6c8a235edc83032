import { inMemory, onDisk } from '../../linux/file-systems.ts';

/** One line of `/proc/self/mountinfo`, see proc_pid_mountinfo(5). */
export interface Mount {
  id: string;
  parent: string;
  /** Major and minor number of the file system. */
  device: string;
  /** What of the file system is mounted: `/` unless it is a bind mount or a subvolume. */
  root: string;
  /** Where it is mounted. */
  path: string;
  type: string;
  source: string;
  /** The file system itself is read-only. A mount can be read-only beside that, as all are in the service's sandbox. */
  readOnly: boolean;
}

export function parseMounts(text: string): Mount[] {
  return text.trimEnd().split('\n').map(parseMount);
}

/** By hand: a machine with many containers has thousands of long lines, and a regular expression takes six times as long. */
function parseMount(line: string): Mount {
  const fields = line.split(' ');
  const [id = '', parent = '', device = '', root = '', path = ''] = fields;
  const [, type = '', source = '', options = ''] = fields.slice(fields.indexOf('-', 6));
  return {
    id,
    parent,
    device,
    root: unescaped(root),
    path: unescaped(path),
    type,
    source: unescaped(source),
    readOnly: /^ro(?:,|$)/.test(options),
  };
}

/** Spaces, tabs, newlines and backslashes are octal numbers. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

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
      if (!reached || !isLocal(reached.type)) return false;
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

function isLocal(type: string): boolean {
  return inMemory.has(type) || onDisk.has(type);
}
