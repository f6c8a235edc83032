import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';

import { withPictures } from '../../tools/house.ts';
import { root } from '../helpers/program.ts';

test('the pictures of the house are those of the source: if not, run `npm run docs`', () => {
  const document = readFileSync(join(root, 'docs/design.md'), 'utf8');
  expect(document).toContain('cli --> daemon');
  expect(withPictures(document)).toBe(document);
});

test('no two files have the same name', () => {
  const names = globSync(join(root, 'src/**/*.ts')).map((file) => basename(file));
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});
