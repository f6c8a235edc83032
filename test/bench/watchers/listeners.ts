import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Place } from '../place.ts';
import { PYTHON, programPath, python } from './watchers.ts';
import type { Watchers } from './watchers.ts';

const DIST = join(import.meta.dirname, '../../../dist');
const CLI = join(DIST, 'cli/main.js');
const TOPIC = 'value';

/** Every listener is compared with a program in the same language that does without chimed. */
type Listeners = Pick<Watchers, 'name' | 'needs' | 'program'>;

/** `chimed listen`: the simplest in a shell, and one more Node for each program. */
export const chimedListen: Listeners = {
  name: 'sh: chimed listen',
  program: ({ socket }) => ['sh', programPath('listeners/listen.sh'), process.execPath, CLI, socket, TOPIC],
};

/** A plain socket in a shell. */
export const bashListeners: Listeners = {
  name: 'bash: chimed by socat',
  needs: [
    { path: 'bash', package: 'bash' },
    { path: 'socat', package: 'socat' },
  ],
  program: ({ socket }) => ['bash', programPath('listeners/listen.bash'), socket, TOPIC],
};

export const nodeListeners: Listeners = {
  name: 'Node: chimed',
  program: ({ socket }) => [
    process.execPath,
    programPath('listeners/listen.mjs'),
    join(DIST, 'index.js'),
    socket,
    TOPIC,
  ],
};

export const pythonListeners: Listeners = {
  name: 'Python: chimed',
  needs: [python],
  program: ({ socket }) => [PYTHON, programPath('listeners/listen.py'), socket, TOPIC],
};

/** Listeners of one chimed that runs the command once a second. */
export function onChimed(listeners: Listeners, baseline: Watchers): Watchers {
  return { ...listeners, baseline: baseline.name, ours: true, daemon: chimed };
}

function chimed({ folder, socket }: Place, command: readonly string[]): readonly string[] {
  const config = join(folder, 'chimed.yaml');
  const topics = { [TOPIC]: { interval: '1s', command } };
  writeFileSync(config, JSON.stringify({ log: { level: 'warn', format: 'json' }, topics }));
  return [process.execPath, CLI, 'serve', '--config', config, '--socket', socket];
}
