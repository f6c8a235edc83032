import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './program.ts';

/** One of the documents that people read. */
export interface Document {
  /** From the root of the checkout: `docs/wire.md`. */
  path: string;
  text: string;
}

/** A block of code in a document. */
export interface Block {
  /** `docs/wire.md:30`, where its fence is. */
  place: string;
  language: string;
  /** The rest of the line that opens it: `not-run`, `test=NAME`, or nothing. */
  mark: string;
  text: string;
}

/** What is shipped for people to read. */
export const manual: readonly Document[] = read(['README.md', 'docs/*.md']);
/** That, and what is for those who work on chimed. */
export const documents: readonly Document[] = read(['*.md', 'docs/*.md']);

export function documentAt(path: string): string {
  return documents.find((document) => document.path === path)!.text;
}

/** All blocks of code of a document, in their order. */
export function blocksOf({ path, text }: Document): Block[] {
  return [...text.matchAll(/^```(\S*) ?(.*)\n([^]*?)^```$/gm)].map((match) => {
    const [, language = '', mark = '', code = ''] = match;
    const line = text.slice(0, match.index).split('\n').length;
    return { place: `${path}:${line}`, language, mark, text: code };
  });
}

/** Those of the manual. */
export const blocks: readonly Block[] = manual.flatMap(blocksOf);

function read(patterns: readonly string[]): Document[] {
  return globSync(patterns as string[], { cwd: root })
    .toSorted()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}
