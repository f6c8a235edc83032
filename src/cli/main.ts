#!/usr/bin/env node
import { lstatSync, mkdirSync } from 'node:fs';
import module from 'node:module';
import { join } from 'node:path';

import { plainServe } from './plain-serve.ts';

const ROOT = 0;
/** Others may write. */
const WRITE_BY_OTHERS = 0o022;

// By default Node opens a port for a debugger, which lets whoever connects run code.
process.on('SIGUSR1', () => {});

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(`chimed: Node.js 22.13 or newer is required, but this is ${process.version}\n`);
  process.exit(1);
}
const cache = ownCache();
if (cache !== undefined) module.enableCompileCache(cache);

void end();

async function end(): Promise<void> {
  if (process.argv[2] === 'complete-topics') {
    const { completeTopics } = await import('./complete-topics.ts');
    await completeTopics(process.argv.slice(3));
    process.exit();
  }
  const options = plainServe(process.argv.slice(2));
  const { exitCode, exit = process.exit } = options
    ? await (await import('./serve.ts')).serveToEnd(options)
    : await (await import('./program.ts')).run(process.argv);
  exit(exitCode);
}

/**
 * Where Node keeps what it has compiled: systemd's directory for it, else one in our own folder; not /tmp, where somebody
 * else could lay code for us to run. Root has none but systemd's: it may run a checkout whose folders others can write to,
 * and leaves nothing in what is installed. Undefined where another user made it, or may write to it.
 */
function ownCache(): string | undefined {
  const uid = process.getuid!();
  const given = process.env['CACHE_DIRECTORY']?.split(':')[0];
  if (given === undefined && uid === ROOT) return undefined;
  const directory = join(given ?? join(import.meta.dirname, '../../node_modules/.cache'), 'chimed');
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const made = lstatSync(directory);
    return made.uid === uid && (made.mode & WRITE_BY_OTHERS) === 0 ? directory : undefined;
  } catch {
    return undefined; // Nothing is lost but time.
  }
}
