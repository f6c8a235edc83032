/** Loaded before the adapter of our own library, or before the daemon: changes one file of the source as it is read. */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { plantedDaemonFaults } from './daemon-faults.ts';
import { plantedFaults } from './faults.ts';

const faults = { ...plantedFaults, ...plantedDaemonFaults };
const { file, right, wrong } = faults[process.env['PLANTED_FAULT']!]!;
const path = join(import.meta.dirname, '../../../src', file);
const target = pathToFileURL(path).href;

registerHooks({
  load(url, context, nextLoad) {
    if (url !== target) return nextLoad(url, context);
    const source = readFileSync(path, 'utf8');
    if (source.split(right).length !== 2) throw new Error(`${file} does not have exactly one ${right}`);
    return { format: 'module-typescript', source: source.replace(right, wrong), shortCircuit: true };
  },
});
