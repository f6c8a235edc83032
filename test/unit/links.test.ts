import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

import { documentAt, documents } from '../helpers/documents.ts';
import type { Document } from '../helpers/documents.ts';
import { root } from '../helpers/program.ts';

/** Where sources, units and configurations name a document. */
const SPEAKERS = ['src/**/*.ts', 'systemd/*', 'config/*', 'tools/*.ts', 'test/**/*.ts'];

/** What a link in Markdown leads to, in text that is no code. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^```[^]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
}

/** The anchors that GitHub gives to headings. */
function anchorsOf(text: string): string[] {
  const headings = text.replace(/^```[^]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Why a link leads nowhere; undefined if it leads somewhere. */
function faultOf(target: string, from: string): string | undefined {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? from : normalize(join(dirname(from), file));
  if (!existsSync(join(root, path))) return `${from}: there is no ${path}`;
  if (anchor === undefined || anchorsOf(readFileSync(join(root, path), 'utf8')).includes(anchor))
    return undefined;
  return `${from}: ${path} has no heading for #${anchor}`;
}

test('links of documents lead to files and headings that exist', () => {
  const faults = documents.flatMap(({ path, text }: Document) =>
    linksOf(text)
      .filter((target) => !/^https?:/.test(target))
      .map((target) => faultOf(target, path)),
  );
  expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
  expect(faults.length).toBeGreaterThan(50);
});

test('the headings of a document have different anchors', () => {
  for (const { path, text } of documents.filter((document) => document.path !== 'CHANGELOG.md')) {
    const anchors = anchorsOf(text);
    expect.soft(new Set(anchors).size, path).toBe(anchors.length);
  }
});

test('documents that the source names exist, with the sections that it names', () => {
  const faults = globSync(SPEAKERS, { cwd: root }).flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/\bdocs\/[\w-]+\.md(?:#[\w-]+)?/g)].map(([target]) =>
      faultOf(target, ''),
    ),
  );
  expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
  expect(faults.length).toBeGreaterThan(5);
});

test('each document in docs can be reached from README', () => {
  const reached = new Set(linksOf(documentAt('README.md')).map((target) => target.split('#')[0]));
  const unreached = documents.filter(({ path }) => path.startsWith('docs/') && !reached.has(path));
  expect(unreached.map(({ path }) => path)).toEqual([]);
});
