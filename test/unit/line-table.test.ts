import { readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

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

  const { files, runs } = JSON.parse(lineTable(bundle, folder.path)) as LineTable;
  const places = readFileSync(bundle, 'utf8')
    .split('\n')
    .flatMap((text, index) => {
      if (!text.includes('HERE')) return [];
      let at = 0;
      while (at + 3 < runs.length && runs[at + 3]! <= index + 1) at += 3;
      return [`${files[runs[at + 1]!]!.split('/').at(-1)}:${index + 1 + runs[at + 2]!}`];
    });
  expect(places).toEqual(['one.ts:8', 'two.ts:3']);
});
