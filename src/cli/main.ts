#!/usr/bin/env node
import module from 'node:module';
import { join } from 'node:path';

// By default Node opens a port for a debugger, which lets whoever connects run code.
process.on('SIGUSR1', () => {});

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(`chimed: it needs Node.js 22.13 or newer, and this is ${process.version}\n`);
  process.exit(1);
}
// In our own folder and not in /tmp, where somebody else could lay code for us to run. Root has none: it may run a
// checkout whose folders others can write to, or make such folders itself, with an umask of 0.
if (process.getuid?.() !== 0)
  module.enableCompileCache(join(import.meta.dirname, '../../node_modules/.cache/chimed'));

const { run } = await import('./program.ts');
const { exitCode, exit } = await run(process.argv);
exit(exitCode);
