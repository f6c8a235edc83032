#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// In our own folder and not in /tmp, where somebody else could lay code for us to run.
enableCompileCache?.(join(import.meta.dirname, '../../node_modules/.cache/chimed'));

const { run } = await import('./program.ts');
process.exit(await run(process.argv));
