import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { compile } from '../compile.ts';
import { compiler } from '../needs.ts';
import { readings } from './host-system.ts';
import type { HostSystem } from './host-system.ts';

const CLI = join(import.meta.dirname, '../../../dist/cli/main.js');

/** A topic for each reading, and one client that listens to all. */
export const chimedHost: HostSystem = {
  name: 'chimed',
  ours: true,
  needs: [compiler],
  linesPerSecond: readings.length,
  daemon({ folder, socket }) {
    const config = join(folder, 'chimed.yaml');
    const topics = Object.fromEntries(
      readings.map((reading) => [`host.${reading}`, { interval: '1s', host: reading }]),
    );
    writeFileSync(config, JSON.stringify({ log: { level: 'warn', format: 'json' }, topics }));
    return [process.execPath, CLI, 'serve', '--config', config, '--socket', socket];
  },
  address: ({ socket }) => ({ path: socket }),
  reader: ({ socket }) => [compile('host-reader'), 'listen', socket, '["host.>"]'],
};
