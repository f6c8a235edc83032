import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { createProgram } from '../../src/cli/program.ts';
import { version } from '../../src/protocol/version.ts';
import { commandPages } from './commands.ts';
import { configurationPage } from './configuration.ts';
import { fromMarkdown } from './markdown.ts';
import { pageText } from './mdoc.ts';
import type { Page } from './mdoc.ts';

/** Writes all manual pages: `man1/chimed.1` and so on below a directory. @param root The checkout. */
export function buildPages(root: string, directory: string): void {
  const edition = { version: version(), date: sourceDate(root) };
  const pages: Page[] = [
    ...commandPages(createProgram(() => {})),
    configurationPage(join(root, 'config/service.yaml')),
    {
      name: 'chimed-wire',
      section: 7,
      about: 'what clients of chimed and the daemon say to each other',
      body: fromMarkdown(readFileSync(join(root, 'docs/wire.md'), 'utf8')),
      seeAlso: [
        { name: 'chimed', section: 1 },
        { name: 'chimed.yaml', section: 5 },
      ],
    },
  ];
  for (const page of pages) {
    const place = join(directory, `man${page.section}`);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, `${page.name}.${page.section}`), pageText(page, edition));
  }
}

/**
 * The date of the sources, so that two builds are the same: `$SOURCE_DATE_EPOCH`, else the last commit, else, where there
 * is no repository, the time of a file that came with the others.
 */
function sourceDate(root: string): Date {
  const given = process.env['SOURCE_DATE_EPOCH'];
  const seconds =
    given ?? spawnSync('git', ['-C', root, 'log', '-1', '--format=%ct'], { encoding: 'utf8' }).stdout;
  return seconds?.trim() ? new Date(Number(seconds) * 1000) : statSync(join(root, 'package.json')).mtime;
}
