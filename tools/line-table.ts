import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, relative, resolve } from 'node:path';

import type { LineTable } from '../src/cli/origin.ts';

/**
 * Says of each line of a bundle that is ours which line of the source it was. A source map says more, and takes 45 MiB to
 * read; the daemon asks for each line that it logs.
 * @param bundle A file with a source map beside it.
 * @param src Files elsewhere are not ours.
 * @returns a `LineTable` as JSON.
 */
export function lineTable(bundle: string, src: string): string {
  const map = new SourceMap(JSON.parse(readFileSync(`${bundle}.map`, 'utf8')));
  const table: LineTable = { files: [], runs: [] };
  let run: { file: number; offset: number } | undefined;
  for (const [line, text] of readFileSync(bundle, 'utf8').split('\n').entries()) {
    const entry = map.findEntry(line, text.length - text.trimStart().length);
    const isMapped = 'originalSource' in entry && entry.generatedLine === line;
    if (!isMapped && !text.startsWith('// ')) continue; // It belongs to what is before it.
    const path = isMapped ? resolve(dirname(bundle), entry.originalSource) : '';
    const file = path.startsWith(`${src}/`) ? indexIn(table.files, relative(dirname(src), path)) : -1;
    const offset = isMapped ? entry.originalLine - line : 0;
    if (run?.file === file && (run.offset === offset || file === -1)) continue;
    run = { file, offset };
    table.runs.push(line + 1, file, offset);
  }
  return `${JSON.stringify(table)}\n`;
}

function indexIn(files: string[], file: string): number {
  const index = files.indexOf(file);
  return index === -1 ? files.push(file) - 1 : index;
}
