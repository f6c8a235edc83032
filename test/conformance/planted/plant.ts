/** Loaded before the adapter of our own library: changes one file of the library as it is read. */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { plantedFaults } from './faults.ts';

const { file, right, wrong } = plantedFaults[process.env['PLANTED_FAULT']!]!;
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
