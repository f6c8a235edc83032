import { spawnSync } from 'node:child_process';
import { copyFileSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';

import { withPictures } from '../../tools/house.ts';
import { temporaryFolder } from '../helpers/folder.ts';
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

test('no two files export the same name, but to pass it on', () => {
  const exported =
    /^export (?:async )?(?:abstract )?(?:const|function\*?|class|interface|type|enum|let) (\w+)/gm;
  // A name can be declared several times in one file: by an overload, or as a value and its type.
  const names = globSync(join(root, 'src/**/*.ts')).flatMap((file) => [
    ...new Set([...readFileSync(file, 'utf8').matchAll(exported)].map(([, name]) => name)),
  ]);
  expect(names).toContain('Daemon');
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

/** What the linter must refuse: where it stands, and a line of it. */
const refused = {
  'daemon/imports-client.ts': "import '../client/client.ts';",
  'client/imports-daemon.ts': "import '../daemon/daemon.ts';",
  'daemon/imports-the-library.ts': "export { connect } from '../index.ts';",
  'protocol/imports-the-library.ts': "import type { Client } from '../index.ts';\nexport type One = Client;",
  'beside-the-floors.ts': "export { connect } from './client/client.ts';",
  'linux/imports-sources.ts': "export const load = () => import('../sources/source.ts');",
  'daemon/topics/imports-the-wiring.ts': "import '../health.ts';",
  'daemon/schedule/imports-topics.ts':
    "import type { Topic } from '../topics/topic.ts';\nexport type One = Topic;",
  'daemon/calls-libc.ts': "import koffi from 'koffi/indirect';\nexport { koffi };",
  'gateway/touches-nats.ts': "import { connect } from '@nats-io/transport-node';\nexport { connect };",
  'service/reads-a-command-line.ts': "import { Command } from 'commander';\nexport { Command };",
  'cli/top/exits.ts': 'process.exit(1);',
  'sources/exits.ts': "import { exit } from 'node:process';\nexit(1);",
  'cli/any.ts': 'export const one: any = 1;',
  'cli/says.ts': "console.log('it');",
  'cli/one-of-two.ts': "import type { Two } from './two-of-two.ts';\nexport type One = { two: Two };",
  'cli/two-of-two.ts': "import type { One } from './one-of-two.ts';\nexport type Two = { one: One };",
};

test('the linter refuses what CONTRIBUTING says it refuses', () => {
  using folder = temporaryFolder();
  copyFileSync(join(root, 'oxlint.config.ts'), folder.file('oxlint.config.ts'));
  symlinkSync(join(root, 'node_modules'), folder.file('node_modules'));
  for (const [file, text] of Object.entries(refused)) {
    mkdirSync(dirname(folder.file(join('src', file))), { recursive: true });
    writeFileSync(folder.file(join('src', file)), `${text}\n`);
  }
  const oxlint = join(root, 'node_modules/.bin/oxlint');
  const { stdout } = spawnSync(oxlint, ['--format', 'json', 'src'], { cwd: folder.path, encoding: 'utf8' });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] };
  const rules = /restricted-imports|process-exit|explicit-any|no-console|no-cycle/;
  const told = diagnostics.filter(({ code }) => rules.test(code));
  const found = new Set(told.map(({ filename }) => filename.replace(/^src\//, '')));
  expect(Object.keys(refused).filter((file) => !found.has(file))).toEqual([]);
});
