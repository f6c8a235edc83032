import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { temporaryFolder } from '../helpers/folder.ts';
import { root } from '../helpers/program.ts';

test('the version is the one that runs, whatever is installed meanwhile', async () => {
  using folder = temporaryFolder();
  mkdirSync(folder.file('src/protocol'), { recursive: true });
  cpSync(join(root, 'src/protocol/version.ts'), folder.file('src/protocol/version.ts'));
  writeFileSync(folder.file('package.json'), '{"version": "1.2.3", "type": "module"}');
  const { version } = (await import(folder.file('src/protocol/version.ts'))) as { version: () => string };
  writeFileSync(folder.file('package.json'), '{"version": "2.0.0"}');
  expect(version()).toBe('1.2.3');
  rmSync(folder.file('package.json'));
  expect(version()).toBe('1.2.3');
});
