import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const compiled = new Map<string, string>();

/** The path of a program in C from `programs/`. It is compiled on first use, into a folder that is removed at the end. */
export function compile(name: string, ...libraries: readonly string[]): string {
  const known = compiled.get(name);
  if (known) return known;
  const folder = mkdtempSync(join(tmpdir(), `chimed-bench-${name}-`));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, name);
  const source = join(import.meta.dirname, 'programs', `${name}.c`);
  execFileSync('cc', ['-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-o', program, source, ...libraries]);
  compiled.set(name, program);
  return program;
}
