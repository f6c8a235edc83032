import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { logEvents } from '../../src/log-events.ts';
import { tables, withTables } from '../../tools/tables.ts';
import { checks, runs } from '../helpers/block-runs.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { blocks, blocksOf, documentAt, manual } from '../helpers/documents.ts';
import { chimed, root } from '../helpers/program.ts';
import { has } from '../helpers/programs-here.ts';
import { fleetTrials } from '../proof/fleet-trials.ts';
import { trials } from '../proof/trials.ts';

const README_BYTES = 8192;

test('README is small enough to be read', () => {
  expect(Buffer.byteLength(documentAt('README.md'))).toBeLessThanOrEqual(README_BYTES);
});

test('README begins with what chimed is, and shows its two commands first', () => {
  const [first, second] = blocksOf({ path: 'README.md', text: documentAt('README.md') });
  expect(first!.text).toMatch(/^npm install && npm start .*\nnpm install && npm test .*\n$/);
  expect(second!.language).toBe('console');
});

test('each block of code is run by a test, or marked as not run', () => {
  const unclaimed = blocks.filter(({ language, mark }) => {
    if (mark === 'not-run' || (mark.startsWith('test=') && mark.slice('test='.length) in runs)) return false;
    // Configurations are checked below, and tools/house.ts draws the pictures.
    return mark !== '' || (language !== 'yaml' && language !== 'mermaid');
  });
  expect(unclaimed.map(({ place, language, mark }) => `${place}: ${language} ${mark}`)).toEqual([]);
  const names = new Set(blocks.map(({ mark }) => mark));
  for (const name of Object.keys(runs))
    expect.soft(names, 'the manual has no such block').toContain(`test=${name}`);
});

describe.concurrent('a block of the manual', () => {
  for (const block of blocks.filter(({ mark }) => mark.startsWith('test='))) {
    const { needs, run } = runs[block.mark.slice('test='.length)] ?? {};
    if (!run) continue; // The test above names it.
    test.skipIf(needs !== undefined && !has(needs))(`does what it says: ${block.place}`, () => run(block));
  }
  test.each(blocks.filter(({ language, mark }) => language === 'yaml' && mark === ''))(
    'is a configuration without mistakes: $place',
    async ({ text }) => await checks(text),
  );
});

describe('tables', () => {
  test.each(manual)('of $path are those of the source: if not, run `npm run docs`', ({ text }) => {
    expect(withTables(text)).toBe(text);
  });

  test.each(Object.keys(tables))('of %s stand in one document', (name) => {
    expect(manual.filter(({ text }) => text.includes(`<!-- table of ${name} -->`))).toHaveLength(1);
  });

  test('of events has each event with its id, and no other', () => {
    const rows = [
      ...documentAt('docs/operations.md').matchAll(/^\| `([\w-]+)` \| .* \| `([0-9a-f]{32})` \|$/gm),
    ];
    expect(Object.fromEntries(rows.map(([, event, id]) => [event, id]))).toEqual(logEvents);
  });
});

test('docs/proof.md has each trial, and what must hold in it', () => {
  const sections = [
    ...documentAt('docs/proof.md').matchAll(/^## ([\w-]+)\n\nMust hold: (.*)\.\n\nSeen: ./gm),
  ];
  expect(sections.map(([, name, holds]) => [name, holds])).toEqual(
    [...trials, ...fleetTrials].map(({ name, holds }) => [name, holds]),
  );
});

test('the picture of the status has the columns of the status', async () => {
  await using daemon = await startDaemon({ topics: { price: { publish: true } } });
  const { stdout } = await chimed(['status', '--socket', daemon.socket]);
  const heads = stdout.split('\n').filter((line) => /^(TOPIC|CLIENT) /.test(line));
  const picture = readFileSync(join(root, 'docs/status.svg'), 'utf8')
    .replace(/<[^>]*>/g, '')
    .split('\n');
  const wordsOf = (line: string): string[] => line.split(/ {2,}/);
  expect(heads).toHaveLength(2);
  for (const head of heads) expect(picture.map(wordsOf)).toContainEqual(wordsOf(head));
});
