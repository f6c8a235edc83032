import { lstatSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname } from 'node:path';

import { command } from './run-program.ts';
import type { InstallerLibc } from './installer-libc.ts';

const STICKY = 0o1000;
const GROUP_WRITE = 0o020;
const OTHERS_WRITE = 0o002;
/** Below are the groups of the system itself, such as Debian's `staff` for /usr/local. */
const FIRST_ORDINARY_ID = 1000;

/** Judges whether anybody but root and one owner could change a file. */
export class Trust {
  readonly #owner: number;
  readonly #libc: InstallerLibc;
  /** Directories that have been judged, with all above them. */
  readonly #good = new Set<string>();
  readonly #privateGroups = new Map<number, boolean>();

  /** @param owner A uid. 0 trusts nobody but root. */
  constructor(owner: number, libc: InstallerLibc) {
    this.#owner = owner;
    this.#libc = libc;
  }

  /**
   * Says who else could change a file or a directory, or undefined if nobody could.
   * @param stats What lstat(2) or fstat(2) says of it.
   */
  complaint(path: string, stats: Stats): string | undefined {
    if (stats.uid !== 0 && stats.uid !== this.#owner) return `${path} belongs to ${userName(stats.uid)}`;
    if (stats.isSymbolicLink()) return undefined; // A link's mode says nothing.
    if (stats.mode & OTHERS_WRITE) return `every user can write to ${path}`;
    if (!(stats.mode & GROUP_WRITE)) return undefined;
    // With an access control list, these bits are the most that any of its entries allows.
    if (this.#libc.hasAccessList(path))
      return `an access control list lets others write to ${path} (see getfacl)`;
    if (!this.#isPrivate(stats.gid)) return `the group ${groupName(stats.gid)} can write to ${path}`;
    return undefined;
  }

  /**
   * The same for a directory and all directories above it: who can write to one can exchange what is below.
   * Above it, a sticky directory (/tmp) is fine, where nobody can exchange what is somebody else's.
   * @param path Absolute, without links.
   */
  complaintAbove(path: string, isAncestor = false): string | undefined {
    if (this.#good.has(path)) return undefined;
    const stats = lstatSync(path);
    if (isAncestor && stats.mode & STICKY) stats.mode &= ~(GROUP_WRITE | OTHERS_WRITE);
    const complaint = this.complaint(path, stats);
    if (complaint !== undefined) return complaint;
    const above = path === '/' ? undefined : this.complaintAbove(dirname(path), true);
    if (above === undefined && !isAncestor) this.#good.add(path);
    return above;
  }

  /** Reports whether a group has no members but root and the owner, also none to be listed elsewhere. */
  #isPrivate(gid: number): boolean {
    const known = this.#privateGroups.get(gid);
    if (known !== undefined) return known;
    const answer = isPrivateGroup(gid, this.#owner);
    this.#privateGroups.set(gid, answer);
    return answer;
  }
}

function isPrivateGroup(gid: number, owner: number): boolean {
  const users = entries('passwd');
  const ours = (name: string | undefined): boolean =>
    users.some(([user, , uid]) => user === name && (Number(uid) === 0 || Number(uid) === owner));
  const group = entries('group', String(gid))[0];
  if (!group) return false;
  // A directory on the network need not list its members: only a group of the owner's own name can be told to have none.
  if (gid >= FIRST_ORDINARY_ID && !(group[0] === userName(owner))) return false;
  const listed = (group[3] ?? '').split(',').filter(Boolean);
  const primary = users.filter((user) => Number(user[3]) === gid).map(([name]) => name);
  return [...listed, ...primary].every(ours);
}

/** A user's name, or its uid if it has none. */
function userName(uid: number): string {
  return entries('passwd', String(uid))[0]?.[0] ?? `uid ${uid}`;
}

function groupName(gid: number): string {
  return entries('group', String(gid))[0]?.[0] ?? `with gid ${gid}`;
}

/** The fields of a database's entries. Without a key, of all that the system lists. */
function entries(database: 'passwd' | 'group', ...keys: string[]): string[][] {
  try {
    return command('getent', database, '--', ...keys)
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(':'));
  } catch {
    return []; // There is none: a uid without a user, from another machine's archive.
  }
}
