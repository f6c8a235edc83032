import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { root } from './bundles.ts';

/**
 * Writes the types of some modules of `src/`, and of the modules that these types refer to: the types of everything else
 * would only be weight.
 * @param modules Such as `index`.
 * @throws if the compiler finds a mistake; it has printed which.
 */
export function buildTypes(modules: readonly string[], dist: string): void {
  const all = mkdtempSync(join(tmpdir(), 'chimed-types-'));
  try {
    const tsc = join(root, 'node_modules/.bin/tsc');
    const args = ['-p', 'tsconfig.build.json', '--outDir', all];
    const { status, error } = spawnSync(tsc, args, { cwd: root, stdio: 'inherit' });
    if (status !== 0) throw new Error('Cannot write the types; the compiler says why.', { cause: error });
    const files = new Set(modules.map((module) => `${module}.d.ts`));
    for (const file of files) {
      const text = readFileSync(join(all, file), 'utf8');
      for (const [, path] of text.matchAll(RELATIVE)) files.add(`${join(dirname(file), path!)}.d.ts`);
      mkdirSync(join(dist, dirname(file)), { recursive: true });
      writeFileSync(join(dist, file), text.replaceAll(RELATIVE, "'$1.js'"));
    }
  } finally {
    rmSync(all, { recursive: true });
  }
}

/** The compiler leaves `.ts` in what it imports. Tools of others look for `.js`. */
const RELATIVE = /'(\.[^'\n]*)\.ts'/g;
