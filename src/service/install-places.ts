import { constants, existsSync, lstatSync, mkdirSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

import {
  COMMAND,
  COMPLETIONS,
  CONFIG,
  CONFIG_DIRECTORY,
  LIBRARY,
  MANUAL,
  MANUAL_SECTIONS,
  SYSUSERS,
  UNITS,
  VERSIONS,
} from './layout.ts';
import type { InstallerLibc } from './installer-libc.ts';
import { removeTree, replaceFile, takeDirectory } from './root-files.ts';
import { Trust } from './trust.ts';

const { O_RDONLY, O_DIRECTORY } = constants;

/** The directories that we install to. */
export class Places {
  readonly #root: Trust;
  readonly #flock: InstallerLibc['flock'];

  constructor(libc: InstallerLibc) {
    this.#root = new Trust(0, libc);
    this.#flock = libc.flock;
  }

  /**
   * Makes sure that root alone can change the directories that we install to. Ours are taken back from anybody else;
   * those of the machine are not touched.
   * @throws if another user can write to one of the machine's, or another installation runs.
   */
  prepare(): void {
    const files = [COMMAND, SYSUSERS, ...Object.values(UNITS), ...Object.values(COMPLETIONS)];
    const parents = [...files, LIBRARY, CONFIG_DIRECTORY].map((path) => dirname(path));
    const manual = MANUAL_SECTIONS.map((section) => join(MANUAL, section));
    for (const directory of [...parents, ...manual]) this.#judge(existing(directory));
    mkdirSync(dirname(LIBRARY), { recursive: true, mode: 0o755 });
    this.#take(LIBRARY);
    if (lstatSync(VERSIONS, { throwIfNoEntry: false })?.isDirectory() === false) removeTree(VERSIONS);
    this.#take(VERSIONS);
    // The kernel drops the lock when this process ends.
    if (!this.#flock(openSync(LIBRARY, O_RDONLY | O_DIRECTORY))) {
      throw new Error(`another installation is running (it has locked ${LIBRARY}); wait until it ends`);
    }
  }

  /** Makes a directory of ours, or takes it from whoever it belongs to. Its parent must be root's. */
  #take(path: string): void {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats && !stats.isDirectory()) {
      throw new Error(`${path} is not a directory; move it away, and install again`);
    }
    if (!stats) mkdirSync(path, { mode: 0o755 });
    if (!stats || this.#root.complaint(path, stats) !== undefined) takeDirectory(path);
  }

  /** Makes the directory of the configuration and takes it, and the file in it, from whoever they belong to. */
  prepareConfig(): void {
    const isLink = lstatSync(CONFIG_DIRECTORY, { throwIfNoEntry: false })?.isSymbolicLink();
    if (isLink)
      this.#judge(realpathSync(CONFIG_DIRECTORY)); // Root keeps it elsewhere.
    else this.#take(CONFIG_DIRECTORY);
    const stats = lstatSync(CONFIG, { throwIfNoEntry: false });
    if (!stats?.isFile() || this.#root.complaint(CONFIG, stats) === undefined) return;
    // A file of its own: whoever could write to the old one may have it open.
    replaceFile(CONFIG, readFileSync(CONFIG), stats.mode & 0o755, stats.uid === 0 ? stats.gid : 0);
  }

  #judge(directory: string): void {
    const complaint = this.#root.complaintAbove(directory);
    if (complaint === undefined) return;
    throw new Error(`refused to install to ${directory}: ${complaint}. Only root must be able to change it.`);
  }
}

/** The nearest directory that is there, without links. */
function existing(path: string): string {
  return existsSync(path) ? realpathSync(path) : existing(dirname(path));
}
