import { globSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';

import { buildPage, packagesIn } from '../../tools/bundles.ts';
import { licences } from '../../tools/licences.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { root } from '../helpers/program.ts';

const folder = join(root, 'src/gateway/page');
const MOST_BYTES = 100_000;

/** Each of them can make markup or code of text. */
const MARKUP =
  /\.(?:innerHTML|outerHTML|srcdoc)\b|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTML|\beval\(|new Function/;

test('the page makes no markup and no code of text', () => {
  const sources = globSync(join(folder, '*.ts'));
  expect(sources.length).toBeGreaterThan(10);
  const wrong = sources.filter((file) => MARKUP.test(readFileSync(file, 'utf8')));
  expect(wrong.map((file) => basename(file))).toEqual([]);
  expect('element.innerHTML = payload', 'the test knows how it looks').toMatch(MARKUP);
});

test.each(['index.html', 'login.html'])('%s has no inline script and no inline style', (file) => {
  const html = readFileSync(join(folder, file), 'utf8');
  expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:/i);
  for (const [tag] of html.matchAll(/<script[^>]*>/g)) expect(tag).toMatch(/ src="\/page\/[\w-]+\.js"/);
});

test('the page asks for nothing from elsewhere, has less than 100 KB, and its licences can be handed on', async () => {
  using built = temporaryFolder();
  const metafile = await buildPage(built.path);
  const files = join(built.path, 'gateway/page');
  const sizes = readdirSync(files).map((name) => statSync(join(files, name)).size);
  expect(sizes.length).toBe(6);
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(MOST_BYTES);
  for (const name of readdirSync(files)) {
    const text = readFileSync(join(files, name), 'utf8').replaceAll('http://www.w3.org/2000/svg', '');
    expect(text, name).not.toMatch(/https?:\/\//);
  }
  expect(packagesIn([metafile])).toEqual(['node_modules/uplot']);
  expect(licences(root, packagesIn([metafile]))).toMatch(/^uplot 1\.6\.32 \(MIT\)/);
});
