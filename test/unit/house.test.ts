import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { withPictures } from '../../tools/house.ts';
import { root } from '../helpers/program.ts';

test('the pictures of the house are those of the source: if not, run `npm run docs`', () => {
  const document = readFileSync(join(root, 'docs/design.md'), 'utf8');
  expect(document).toContain('cli --> daemon');
  expect(withPictures(document)).toBe(document);
});
