import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { completionScript, scriptNames, shells } from '../src/cli/completion/script.ts';
import { createProgram } from '../src/cli/program.ts';

/** Writes the completion scripts of all shells, by the names that these look for. */
export function buildCompletions(directory: string): void {
  const program = createProgram(() => {});
  mkdirSync(directory, { recursive: true });
  for (const shell of shells)
    writeFileSync(join(directory, scriptNames[shell]), completionScript(shell, program));
}
