import { execFile } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

import { temporaryFolder } from '../helpers/folder.ts';
import { root } from '../helpers/program.ts';
import { has } from '../helpers/programs-here.ts';

const run = promisify(execFile);
const examples = globSync('systemd/*.service.example', { cwd: root });

/** What systemd finds wrong with a unit, whose program need not be installed here. */
async function faultsOf(name: string, text: string): Promise<string> {
  using folder = temporaryFolder();
  const file = folder.file(name);
  writeFileSync(file, text.replace('/usr/local/bin/chimed', process.execPath));
  try {
    const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', file]);
    return stdout + stderr;
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
}

test.skipIf(!has('systemd-analyze')).each(examples)('systemd finds nothing wrong with %s', async (path) => {
  const text = readFileSync(join(root, path), 'utf8');
  const name = basename(path, '.example');
  expect(await faultsOf(name, text)).toBe('');
  const mistaken = text.replace('Restart=', 'Restrat=');
  expect(await faultsOf(name, mistaken), 'it finds mistakes').toContain('Restrat');
});

test('there are examples of units', () => {
  expect(examples).not.toEqual([]);
});
