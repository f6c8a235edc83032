import {
  existsSync,
  lstatSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join, relative } from 'node:path';

import { CURRENT, LIBRARY, VERSIONS, programOf } from './layout.ts';
import { removeTree, syncDirectory, freeName } from './root-files.ts';
import type { InstallStep } from './step.ts';

/** Where the link leads, also if nothing is there; undefined without a link. */
export function linkedVersion(): string | undefined {
  const isLink = lstatSync(CURRENT, { throwIfNoEntry: false })?.isSymbolicLink();
  return isLink ? readlinkSync(CURRENT) : undefined;
}

/** A step that makes a copy the one that is started next, in one rename. */
export function switchTo(copy: string): InstallStep {
  let former: string | undefined;
  return {
    says: `switch ${CURRENT} to ${relative(LIBRARY, copy)}`,
    run() {
      former = linkedVersion();
      link(relative(LIBRARY, copy));
    },
    undo() {
      if (former === undefined) rmSync(CURRENT, { force: true });
      else link(former);
      return undefined;
    },
  };
}

/**
 * Steps that remove everything in our directory but the current copy, and those that a process runs from: a daemon
 * or a client may load more of its files at any time.
 */
export function* pruneSteps(current: string): Generator<InstallStep> {
  const programs = runningPrograms();
  for (const copy of pathsIn(VERSIONS)) {
    if (copy !== current) yield pruneStep(copy, [copy], programs);
  }
  const former = pathsIn(LIBRARY).filter((path) => path !== VERSIONS && path !== CURRENT);
  // Version 0.1 was right in our directory, and left these beside it if it was interrupted.
  const unfinished = ['.new', '.old']
    .map((ending) => LIBRARY + ending)
    .filter((path) => lstatSync(path, { throwIfNoEntry: false }));
  if (former.length + unfinished.length > 0) {
    yield pruneStep(`version 0.1 in ${LIBRARY}`, [...former, ...unfinished], programs, LIBRARY);
  }
}

function pruneStep(name: string, paths: string[], programs: Map<string, string>, copy = name): InstallStep {
  const [node] = programOf(copy);
  const pid = programs.get(inode(node) ?? '');
  if (pid !== undefined)
    return { says: `keep ${name} until the next installation: process ${pid} runs from it`, run() {} };
  return { says: `remove ${name}`, run: () => paths.forEach(removeTree) };
}

function pathsIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : [];
}

/** The programs that processes run, but for ourselves: their inodes, each with a pid. */
function runningPrograms(): Map<string, string> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return new Map(pids.map((pid) => [inode(`/proc/${pid}/exe`) ?? '', pid]));
}

function inode(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined; // A process that has ended, or a copy without its Node.
  }
}

function link(target: string): void {
  const unfinished = freeName(CURRENT);
  symlinkSync(target, unfinished);
  const stats = lstatSync(CURRENT, { throwIfNoEntry: false });
  if (stats && !stats.isSymbolicLink()) removeTree(CURRENT); // A rename replaces no directory.
  renameSync(unfinished, CURRENT);
  syncDirectory(LIBRARY);
}
