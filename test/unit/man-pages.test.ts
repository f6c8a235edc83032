import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

import { exitCodes } from '../../src/cli/exit-codes.ts';
import { createProgram } from '../../src/cli/program.ts';
import { settingsSchema, topicSchema } from '../../src/config/schema.ts';
import { buildPages } from '../../tools/man/build.ts';
import { fromMarkdown } from '../../tools/man/markdown.ts';
import { escaped, pageText, running, section, verbatim } from '../../tools/man/mdoc.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { has } from '../helpers/programs-here.ts';
import { root } from '../helpers/program.ts';

/** How a terminal without fonts is told of bold letters: each twice, with this between. */
const OVERSTRIKE = '\b';
const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
buildPages(root, folder.path);

const files = readdirSync(folder.path, { recursive: true, encoding: 'utf8' }).filter((file) =>
  /\.\d$/.test(file),
);
const commands = createProgram(() => {}).commands.filter((command) => command.name() !== 'help');
const read = (file: string): string => readFileSync(join(folder.path, file), 'utf8');
/** The source without escapes that say nothing about the words. */
const wordsOf = (file: string): string =>
  read(file)
    .replaceAll(/\\%|\\&|\\f[BIR]/g, '')
    .replaceAll(String.raw`\-`, '-');

test('there is a page for each command, for the configuration and for the wire', () => {
  const pages = ['chimed', ...commands.map((command) => `chimed-${command.name()}`)].map(
    (name) => `man1/${name}.1`,
  );
  expect(files.toSorted()).toEqual([...pages, 'man5/chimed.yaml.5', 'man7/chimed-wire.7'].toSorted());
});

test('npm installs all pages', () => {
  const { man } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { man: string[] };
  expect(man).toEqual(files.map((file) => `dist/man/${file}`).toSorted());
});

test.each(commands.map((command) => [command.name(), command] as const))(
  'the page of %s has its options, arguments and exit codes',
  (name, command) => {
    const words = wordsOf(`man1/chimed-${name}.1`);
    for (const { long } of command.options) expect(words).toContain(`Fl ${long!.slice(1)}`);
    for (const argument of command.registeredArguments)
      expect(words).toContain(`.It Ar ${argument.name()}\n`);
    for (const code of Object.values(exitCodes)) expect(words).toContain(`.It ${code}\n`);
    expect(words).toContain('.Sh EXAMPLES\n');
  },
);

test('chimed.yaml(5) has every key', () => {
  const words = wordsOf('man5/chimed.yaml.5');
  const settings = Object.values(settingsSchema).flatMap((keys) => Object.keys(keys));
  for (const key of [...settings, ...Object.keys(topicSchema)]) expect(words).toContain(`.It Cm ${key}\n`);
});

test('chimed-wire(7) has every rule under its number', () => {
  const rules = [...readFileSync(join(root, 'docs/wire.md'), 'utf8').matchAll(/^\d+\. /gm)].map(([rule]) =>
    rule.trim(),
  );
  expect(rules.length).toBeGreaterThan(20);
  const words = wordsOf('man7/chimed-wire.7');
  for (const rule of rules) expect(words).toContain(`.It ${rule}\n`);
});

test('the date is that of the sources, and not the day of the build', () => {
  const edition = { version: '1.2.3', date: new Date(86_400_000 * 365) };
  const text = pageText({ name: 'x', section: 1, about: 'x', body: [], seeAlso: [] }, edition);
  expect(text).toContain('\n.Dd January 1, 1971\n');
  expect(text).toContain('\n.Os chimed 1.2.3\n');
});

test('two builds are the same', () => {
  using other = temporaryFolder();
  buildPages(root, other.path);
  for (const file of files) expect(readFileSync(join(other.path, file), 'utf8')).toBe(read(file));
});

test('a table of contents is left out', () => {
  const document = '# T\n\n- [One](#one) · [Two](#two)\n\nSee [one](#one).\n\n## One\n\nText.\n';
  expect(fromMarkdown(document)).toEqual(['.Sh DESCRIPTION', 'See one.', '.Sh ONE', 'Text.']);
});

test('a part of a document that no page can show fails the build', () => {
  expect(() => fromMarkdown('![a picture](x.png)')).toThrow('cannot show this part of a document (image)');
});

describe.skipIf(!has('mandoc'))('mandoc', () => {
  const mandoc = (...args: string[]): string => {
    const { stdout, stderr } = spawnSync('mandoc', args, { encoding: 'utf8' });
    return stdout + stderr;
  };

  test.each(files)('finds nothing to warn of in %s', (file) => {
    expect(mandoc('-Tlint', '-W', 'warning', join(folder.path, file))).toBe('');
  });

  test('shows text as it is, whatever it begins with or contains', () => {
    const texts = [
      '.Dd is no request',
      "'br is none",
      String.raw`\fB and \e are no escapes`,
      '"quoted" -n --x ~^`',
    ];
    const body = section(
      'Description',
      texts.flatMap((text) => [...running(escaped(text)), '.Pp', ...verbatim(text)]),
    );
    const edition = { version: '1', date: new Date(0) };
    const file = folder.file('x.1');
    writeFileSync(file, pageText({ name: 'x', section: 1, about: 'x', body, seeAlso: [] }, edition));
    const lines = mandoc('-Tutf8', file)
      .split('\n')
      .map((line) => line.trim());
    for (const text of texts) expect(lines.filter((line) => line === text)).toHaveLength(2);
  });

  test('shows all that a document in Markdown has', () => {
    const document = `# Title

Says *what* it is [for](x.md), with \`code.\` in it & <https://example.com>.

## Rules

3. The third.
4. The fourth:

   \`\`\`
   .code \\f
   \`\`\`

| limit | value | why |
| --- | --- | --- |
| \`size\` | 1 MiB | memory |

### More of them

- one
- two

> A note.
`;
    const edition = { version: '1', date: new Date(0) };
    const file = folder.file('y.7');
    const page = { name: 'y', section: 7, about: 'y', body: fromMarkdown(document), seeAlso: [] } as const;
    writeFileSync(file, pageText(page, edition));
    expect(mandoc('-Tlint', '-W', 'warning', file)).toBe('');
    const shown = mandoc('-Tascii', file)
      .replaceAll(new RegExp(`.${OVERSTRIKE}`, 'g'), '')
      .replaceAll(/\s+/g, ' ');
    for (const words of [
      'DESCRIPTION Says what it is for, with code. in it & https://example.com. RULES',
      '3. The third. 4. The fourth: .code \\f size value: 1 MiB why: memory More of them',
      'one',
      'two A note.',
    ])
      expect(shown).toContain(words);
  });
});
