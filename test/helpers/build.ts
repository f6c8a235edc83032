import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { root } from './program.ts';

/** vitest's global set-up: builds dist/, unless nothing has changed since that was done. */
export default function build(): void {
  execFileSync(process.execPath, [join(root, 'tools/build.ts')], { stdio: 'inherit' });
}
