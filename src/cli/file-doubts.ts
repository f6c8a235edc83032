import { basename, resolve } from 'node:path';

import type { Config } from '../config/config.ts';
import { lookUp } from '../linux/look-up.ts';
import { routeTo } from '../sources/files/route.ts';

/**
 * Finds `file` topics that no sample can be taken of as things are: a directory, or wildcards. Only local file systems are
 * asked, but a failing disk can make this wait: the daemon must not call it.
 * @returns what is wrong with each and what to do.
 */
export function fileDoubts({ topics, directory }: Pick<Config, 'topics' | 'directory'>): string[] {
  return topics.flatMap(({ name, source }) => {
    if (source.kind !== 'file') return [];
    const { file } = source;
    const { end } = routeTo(resolve(directory, file), lookUp);
    if (end.kind === 'directory') return [`${name}: ${file} is a directory, not a file; ${readAll(file)}`];
    if (end.kind === 'nothing' && /[*?]/.test(basename(file)))
      return [`${name}: there is no file ${file}, and file has no wildcards; use files: ${file}`];
    return [];
  });
}

function readAll(directory: string): string {
  return `to read the files in it, use files: ${directory.replace(/\/*$/, '')}/*`;
}
