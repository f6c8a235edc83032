import { stripVTControlCharacters } from 'node:util';

import type { Colors } from './colors.ts';

/** Lines of a table whose columns are as wide as their widest cell; colours take no room. */
export function textTable(heads: string[], rows: string[][], paint: Colors): string[] {
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => shownLength(row[column]!))),
  );
  const line = (cells: string[]): string =>
    cells
      .map((cell, column) => cell + ' '.repeat(widths[column]! - shownLength(cell)))
      .join('  ')
      .trimEnd();
  return [paint.dim(line(heads)), ...rows.map(line)];
}

/** How many places a text takes, without its colours. */
export function shownLength(text: string): number {
  return stripVTControlCharacters(text).length;
}
