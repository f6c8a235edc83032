import { closeSync, existsSync, lstatSync, openSync, readFileSync, readSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { placeFile, removeIfEmpty } from './files.ts';
import { COMPLETIONS, MANUAL, MANUAL_SECTIONS, PACKAGE, SHARED_DIRECTORIES } from './layout.ts';
import { unfinishedName } from './root-files.ts';
import type { InstallStep } from './step.ts';

/** How a manual page of ours begins. A file in the shared directories that does not begin so is not ours. */
export const PAGE_MARK = String.raw`.\" Manual page of chimed, generated from its sources.`;
/** The same for completion scripts; zsh needs a line of its own before it. */
export const SCRIPT_MARK = '# Completion of chimed, generated from its command tree.';

/** Longer than any beginning. */
const HEAD_BYTES = 200;
const PAGE_NAME = /^chimed[\w.-]*\.\d$/;

/** A file in the package, and its place among the files of many programs. */
interface SharedFile {
  from: string;
  to: string;
}

/** The steps that write manual pages and completions. @param copy Where the package was copied to. */
export function* sharedFileSteps(copy: string): Generator<InstallStep> {
  yield placeAll(`write manual pages to ${MANUAL}`, packagedPages(), copy);
  yield placeAll(`write completions to ${Object.values(COMPLETIONS).join(', ')}`, packagedScripts(), copy);
}

/** Pages of ours that this version does not have. */
export function outdatedPages(): string[] {
  const kept = packagedPages().map(({ to }) => to);
  return pagesThere().filter((path) => !kept.includes(path) && isOurs(path));
}

/** All that installations have left in the shared directories, also if they were interrupted. */
export function installedSharedFiles(): string[] {
  const pages = pagesThere();
  const scripts = Object.values(COMPLETIONS).filter((path) => existsSync(path));
  const unfinished = [...packagedPages(), ...packagedScripts()].map(({ to }) => unfinishedName(to));
  return [...[...pages, ...scripts].filter(isOurs), ...unfinished];
}

/** One step: nothing depends on which of the files are there. */
function placeAll(says: string, files: readonly SharedFile[], copy: string): InstallStep {
  const free = files.filter(({ to }) => isFree(to));
  const kept = files.filter((file) => !free.includes(file)).map(({ to }) => to);
  const begun: InstallStep[] = [];
  return {
    says: kept.length > 0 ? `${says}; keep ${kept.join(', ')}, which chimed did not install` : says,
    run() {
      for (const { from, to } of free) {
        const step = placeFile(to, () => readFileSync(join(copy, from)));
        begun.push(step);
        step.run();
      }
    },
    undo() {
      for (const step of begun.toReversed()) step.undo?.();
      for (const directory of SHARED_DIRECTORIES) removeIfEmpty(directory);
      return undefined;
    },
  };
}

/** Those that the build has made; none in a checkout that was built for `npm start` only. */
function packagedPages(): SharedFile[] {
  return MANUAL_SECTIONS.flatMap((section) => {
    const directory = join('dist/man', section);
    return namesIn(join(PACKAGE, directory)).map((name) => ({
      from: join(directory, name),
      to: join(MANUAL, section, name),
    }));
  });
}

function packagedScripts(): SharedFile[] {
  return Object.entries(COMPLETIONS)
    .map(([name, to]) => ({ from: join('dist/completions', name), to }))
    .filter(({ from }) => existsSync(join(PACKAGE, from)));
}

function pagesThere(): string[] {
  return MANUAL_SECTIONS.flatMap((section) =>
    namesIn(join(MANUAL, section))
      .filter((name) => PAGE_NAME.test(name))
      .map((name) => join(MANUAL, section, name)),
  );
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

function isFree(path: string): boolean {
  return !lstatSync(path, { throwIfNoEntry: false }) || isOurs(path);
}

/** A link never is. */
function isOurs(path: string): boolean {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isFile()) return false;
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const lines = head.toString('utf8', 0, readSync(fd, head)).split('\n');
    return lines.slice(0, 2).some((line) => line === PAGE_MARK || line === SCRIPT_MARK);
  } finally {
    closeSync(fd);
  }
}
