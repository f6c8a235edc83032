import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  realpathSync,
  statSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname, join, sep } from 'node:path';

import { placedPackages } from './dependencies.ts';
import { PACKAGE, UNBUNDLED } from './layout.ts';
import type { InstallerLibc } from './installer-libc.ts';
import { Trust } from './trust.ts';

/** A file to copy: from where, and to where below the root of the copy. */
export interface SourceFile {
  from: string;
  to: string;
}

/** What is copied of the package itself. */
const CONTENT = [
  'dist',
  'config',
  'docs',
  'monitoring',
  'systemd',
  'package.json',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
];
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Where the parts come from that are not in the package itself. */
interface Parts {
  /** The Node to run it with. Default: the one that runs us. */
  node?: string;
  /** The directory whose `node_modules` has the packages that are not bundled. Default: the package's own. */
  packages?: string;
}

/**
 * The package that we run from, as a source of files that root is going to run. Only root and the checkout's
 * owner may be able to change it: the user who called sudo, or else the owner of the package's directory.
 */
export class Checkout {
  readonly #trust: Trust;
  readonly #node: string;
  readonly #packages: string;

  constructor(libc: InstallerLibc, { node = process.execPath, packages = PACKAGE }: Parts = {}) {
    this.#node = node;
    this.#packages = packages;
    const caller = Number(process.env['SUDO_UID']);
    this.#trust = new Trust(caller > 0 ? caller : statSync(PACKAGE).uid, libc);
  }

  /**
   * All files to copy: the package, its dependencies, and Node.
   * @throws if somebody else could change one of them, or a link leads out of the package.
   */
  files(): SourceFile[] {
    const node = realpathSync(this.#node);
    const found = [
      ...CONTENT.flatMap((name) => this.#filesOf(PACKAGE, name, name)),
      { from: node, to: 'bin/node' },
    ];
    this.#judgeDirectory(dirname(node));
    for (const { from, to, link } of placedPackages(this.#packages, UNBUNDLED)) {
      this.#judgeDirectory(realpathSync(dirname(link)));
      found.push(...this.#filesOf(from, '', to));
    }
    for (const { from } of found) this.#judge(from, lstatSync(from));
    return found;
  }

  /**
   * Opens a file, and judges what it opened: what is checked is what is read.
   * @returns the descriptor, which the caller closes, and whether the file is a program.
   */
  open(path: string): { fd: number; isProgram: boolean } {
    const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const stats = fstatSync(fd);
      this.#judge(path, stats);
      if (!stats.isFile()) throw refusal(`${path} is not a regular file`);
      return { fd, isProgram: (stats.mode & 0o100) !== 0 };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** The files of a package below a path in it, without the packages inside it: these are placed one by one. */
  #filesOf(root: string, inside: string, to: string): SourceFile[] {
    const path = join(root, inside);
    const stats = lstatSync(path);
    if (stats.isSymbolicLink()) return [{ from: this.#target(root, path), to }];
    if (!stats.isDirectory()) return [{ from: path, to }];
    this.#judgeDirectory(path);
    return readdirSync(path)
      .filter((name) => name !== 'node_modules')
      .flatMap((name) => this.#filesOf(root, join(inside, name), join(to, name)));
  }

  /** The file that a link leads to. */
  #target(root: string, link: string): string {
    this.#judge(link, lstatSync(link));
    const target = realpathSync(link);
    if (!target.startsWith(root + sep))
      throw refusal(`the link ${link} leads out of its package, to ${target}`);
    if (!lstatSync(target).isFile()) throw refusal(`the link ${link} does not lead to a file`);
    this.#judgeDirectory(dirname(target));
    return target;
  }

  #judge(path: string, stats: Stats): void {
    const complaint = this.#trust.complaint(path, stats);
    if (complaint !== undefined) throw refusal(complaint);
  }

  #judgeDirectory(path: string): void {
    const complaint = this.#trust.complaintAbove(path);
    if (complaint !== undefined) throw refusal(complaint);
  }
}

function refusal(complaint: string): Error {
  return new Error(
    `refused to install from ${PACKAGE}: ${complaint}. ` +
      'Root runs what is installed, so all of it must be plain files that only root and you can change.',
  );
}
