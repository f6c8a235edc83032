import { readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

import { sourceOf } from '../../src/cli/origin.ts';
import type { LineTable } from '../../src/cli/origin.ts';
import { lineTable } from '../../tools/line-table.ts';
import { temporaryFolder } from '../helpers/folder.ts';

test('the table leads from each line of a bundle to the line that it was', async () => {
  using folder = temporaryFolder();
  const sources = {
    one: 'interface Gone {\n  text: string;\n}\n\nexport function one() {\n  // no more\n\n  return "HERE";\n}\n',
    two: 'import { one } from "./one.ts";\n\nconst text = [one(), "HERE"];\nconsole.log(text);\n',
  };
  for (const [name, text] of Object.entries(sources)) writeFileSync(folder.file(`${name}.ts`), text);
  const bundle = folder.file('bundle.js');
  await build({ entryPoints: [folder.file('two.ts')], bundle: true, outfile: bundle, sourcemap: 'external' });

  const table = JSON.parse(lineTable(bundle, folder.path)) as LineTable;
  const places = readFileSync(bundle, 'utf8')
    .split('\n')
    .flatMap((text, index) => {
      const place = text.includes('HERE') ? sourceOf(table, index + 1) : undefined;
      return place ? [`${place.file.split('/').at(-1)}:${place.line}`] : [];
    });
  expect(places).toEqual(['one.ts:8', 'two.ts:3']);
});

test('lines between runs, before the first and after the last one belong to what is before them', () => {
  const table: LineTable = {
    files: ['a.ts', 'b.ts'],
    runs: [1, -1, 0, 10, 0, -9, 20, 1, 5, 30, -1, 0, 40, 0, 100],
  };
  const seen = [1, 9, 10, 19, 20, 29, 30, 39, 40, 1000].map((line) => sourceOf(table, line));
  const [a, b] = [(line: number) => ({ file: 'a.ts', line }), (line: number) => ({ file: 'b.ts', line })];
  expect(seen).toEqual([
    undefined,
    undefined,
    a(1),
    a(10),
    b(25),
    b(34),
    undefined,
    undefined,
    a(140),
    a(1100),
  ]);
});
